import { isAxiosError } from 'axios';
import { causeOf, type Scope } from 'request-scope';
import { namesAttempt } from './downstream/attempt-headers.ts';
import { wasNeverSent } from './downstream/never-sent.ts';

/** A service answers 408 by its own timer, which may run this much ahead of ours. */
const TIMER_SKEW_MS = 25;

const NOT_HTTP = /^HPE_|^ERR_BAD_RESPONSE$/;

/** What a call is for, in the words of its failure, and the service that it goes to. */
export interface Target {
  /** All that the call is a part of: `Order`. */
  work: string;
  /** The part: `Inventory check`. */
  step: string;
  service: string;
  /** As sent, with the ids that name the attempt. */
  headers?: Readonly<Record<string, string>>;
  /** What its answer must say that it has done. */
  operation?: string;
}

interface Row {
  level: 'info' | 'warn';
  /** The answer to our own caller; none where nobody is left to read it. */
  status?: 500 | 503;
  /** Whether the service, once it was sent the request, may have done all of its work by then. */
  outcomeUnknown: boolean;
  message: string;
}

const CANCELED = { level: 'info', outcomeUnknown: true } as const;
const FAILED = { level: 'warn', outcomeUnknown: true, status: 500 } as const;
const REFUSED = { level: 'warn', outcomeUnknown: false, status: 500 } as const;

/** How a call can end, if not with the answer that was hoped for, and what that means. */
const ENDINGS = {
  'client-disconnected': { ...CANCELED, message: '{work} canceled: client disconnected' },
  'connection-closed': {
    ...CANCELED,
    message: '{work} canceled: connection closed by the service',
  },
  'shutting-down': { ...CANCELED, status: 503, message: '{work} canceled: service shutting down' },
  'deadline-exceeded': { ...FAILED, message: '{step} failed: deadline exceeded' },
  unreachable: { ...FAILED, message: '{step} failed: {service} is unreachable ({detail})' },
  unavailable: {
    ...REFUSED,
    status: 503,
    message: '{step} failed: {service} is unreachable ({detail})',
  },
  'request-refused': { ...REFUSED, message: '{step} failed: {service} answered {detail}' },
  'other-status': { ...FAILED, message: '{step} failed: {service} answered {detail}' },
  'broken-answer': { ...FAILED, message: '{step} failed: {service} sent a broken answer' },
  'outcome-unknown': { ...FAILED, message: '{work} outcome unknown: ask again with its key' },
} satisfies Record<string, Row>;

export type Ending = keyof typeof ENDINGS;

/** A call that did not succeed, and the work with it; `message` is for the caller. */
export class CallFailed extends Error {
  readonly ending: Ending;
  readonly level: Row['level'];
  readonly status: Row['status'];
  readonly outcomeUnknown: boolean;

  /** `detail`: a status, or the code of an error. `wasSent`: false if surely nothing was. */
  constructor(ending: Ending, target: Target, { detail = '', wasSent = true } = {}) {
    const { level, status, outcomeUnknown, message }: Row = ENDINGS[ending];
    const { work, step, service } = target;
    const words: Record<string, string> = { work, step, service, detail };
    super(message.replaceAll(/\{(\w+)\}/g, (_, word: string) => words[word] ?? ''));
    this.ending = ending;
    this.level = level;
    this.status = status;
    this.outcomeUnknown = outcomeUnknown && wasSent;
  }

  /** What `error` means for the call to `target` under `scope`; a bug of ours stays what it is. */
  static from(error: unknown, scope: Scope, target: Target): unknown {
    const wasSent = !wasNeverSent(error);
    const failed = (ending: Ending, detail?: string) =>
      new CallFailed(ending, target, { wasSent, ...(detail && { detail }) });
    const cause = causeOf(error, scope)?.code;
    if (cause && Object.hasOwn(ENDINGS, cause)) return failed(cause as Ending);
    if (!isAxiosError(error)) return error;
    const { response, code = 'unknown' } = error;
    const status = response?.status;
    if (status === 408 && scope.remainingMs <= TIMER_SKEW_MS) return failed('deadline-exceeded');
    if (status === 400 || status === 422) {
      // Only a refusal of this very call says that nothing was done for it.
      const isOurs = namesAttempt(response?.headers ?? {}, target);
      return isOurs ? failed('request-refused', String(status)) : failed('broken-answer');
    }
    if (status !== undefined && status !== 200) return failed('other-status', String(status));
    if (status === 200 || NOT_HTTP.test(code)) return failed('broken-answer');
    return failed('unreachable', code);
  }
}

import { causeOf, type Scope } from '@orders/cancellation';
import { isAxiosError } from 'axios';
import { namesAttempt } from './attempt-headers.ts';
import { wasNeverSent } from './never-sent.ts';

/** A service answers 408 by its own timer, which may run this much ahead of ours. */
const TIMER_SKEW_MS = 25;

const NOT_HTTP = /^HPE_|^ERR_BAD_RESPONSE$/;

/** The step of the order that a call is, and the service that it goes to. */
export interface Target {
  step: string;
  service: string;
  headers?: Readonly<Record<string, string>>;
}

/** How a call can end, if not with the answer that was hoped for. */
export type Ending =
  | 'client-disconnected'
  | 'deadline-exceeded'
  | 'shutting-down'
  | 'unreachable'
  | 'request-refused'
  | 'other-status'
  | 'broken-answer';

interface Row {
  level: 'info' | 'warn';
  /** Whether the service, once it was sent the request, may have done all of its work by then. */
  outcomeUnknown: boolean;
  message: (target: Target, detail: string) => string;
}

const canceled = (why: string) => () => `Order canceled: ${why}`;
const failed = (cause: (service: string, detail: string) => string): Row['message'] => {
  return ({ step, service }, detail) => `${step} failed: ${cause(service, detail)}`;
};
const deadline = failed(() => 'deadline exceeded');
const unreachable = failed((service, code) => `${service} is unreachable (${code})`);
const answered = failed((service, status) => `${service} answered ${status}`);
const broken = failed((service) => `${service} sent a broken answer`);

/** The one table of what each ending means; nobody else looks at an error's insides. */
const ENDINGS: Record<Ending, Row> = {
  'client-disconnected': {
    level: 'info',
    outcomeUnknown: true,
    message: canceled('client disconnected'),
  },
  'shutting-down': {
    level: 'info',
    outcomeUnknown: true,
    message: canceled('service shutting down'),
  },
  'deadline-exceeded': { level: 'warn', outcomeUnknown: true, message: deadline },
  unreachable: { level: 'warn', outcomeUnknown: true, message: unreachable },
  'request-refused': { level: 'warn', outcomeUnknown: false, message: answered },
  'other-status': { level: 'warn', outcomeUnknown: true, message: answered },
  'broken-answer': { level: 'warn', outcomeUnknown: true, message: broken },
};

/** A call that did not succeed, and the order with it; `message` is for the caller. */
export class CallEnded extends Error {
  readonly ending: Ending;
  readonly level: Row['level'];
  readonly outcomeUnknown: boolean;

  constructor(ending: Ending, target: Target, detail = '', sent = true) {
    const { level, outcomeUnknown, message } = ENDINGS[ending];
    super(message(target, detail));
    this.ending = ending;
    this.level = level;
    this.outcomeUnknown = outcomeUnknown && sent;
  }
}

/** What `error` means for the call to `target` under `scope`; a bug of ours stays what it is. */
export function callEnded(error: unknown, scope: Scope, target: Target): unknown {
  const sent = !wasNeverSent(error);
  const ended = (ending: Ending, detail?: string) => new CallEnded(ending, target, detail, sent);
  const cause = causeOf(error, scope)?.code;
  if (cause && isEnding(cause)) return ended(cause);
  if (!isAxiosError(error)) return error;
  const { response, code = 'unknown' } = error;
  const status = response?.status;
  if (status === 408 && scope.remainingMs <= TIMER_SKEW_MS) return ended('deadline-exceeded');
  // Only a refusal of this very call says that nothing was done for it.
  const isRefused = status === 400 || status === 422;
  if (isRefused && !namesAttempt(response?.headers ?? {}, target.headers))
    return ended('broken-answer');
  if (isRefused) return ended('request-refused', String(status));
  if (status !== undefined && status !== 200) return ended('other-status', String(status));
  if (status === 200 || NOT_HTTP.test(code)) return ended('broken-answer');
  return ended('unreachable', code);
}

function isEnding(code: string): code is Ending {
  return Object.hasOwn(ENDINGS, code);
}

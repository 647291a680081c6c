import { type Cause, causeOf, type Scope } from '@orders/cancellation';
import { isAxiosError } from 'axios';

/** A service answers 408 by its own timer, which may run this much ahead of ours. */
const TIMER_SKEW_MS = 25;

/** How a downstream call can end, if not with the answer that was hoped for. */
type Ending = Cause | 'unreachable' | 'other-status' | 'broken-answer';

/** The step of the order that the call is, and the service that it goes to. */
export interface Target {
  step: string;
  service: string;
}

interface Row {
  level: 'info' | 'warn';
  message: (target: Target, detail: string) => string;
}

/** The one table of what each ending means; nobody else looks at an error's insides. */
const ENDINGS: Record<Ending, Row> = {
  'client-disconnected': {
    level: 'info',
    message: () => 'Order canceled: client disconnected',
  },
  'shutting-down': {
    level: 'info',
    message: () => 'Order canceled: service shutting down',
  },
  'deadline-exceeded': {
    level: 'warn',
    message: ({ step }) => `${step} failed: deadline exceeded`,
  },
  unreachable: {
    level: 'warn',
    message: ({ step, service }, code) => `${step} failed: ${service} is unreachable (${code})`,
  },
  'other-status': {
    level: 'warn',
    message: ({ step, service }, status) => `${step} failed: ${service} answered ${status}`,
  },
  'broken-answer': {
    level: 'warn',
    message: ({ step, service }) => `${step} failed: ${service} sent a broken answer`,
  },
};

/** A downstream call that did not succeed, and the order with it; `message` is for the caller. */
export class CallEnded extends Error {
  readonly ending: Ending;
  readonly level: Row['level'];

  constructor(ending: Ending, target: Target, detail = '') {
    const { level, message } = ENDINGS[ending];
    super(message(target, detail));
    this.ending = ending;
    this.level = level;
  }
}

/** What `error` means for the call to `target` under `scope`; a bug of ours stays what it is. */
export function callEnded(error: unknown, scope: Scope, target: Target): unknown {
  const cause = causeOf(scope.signal);
  if (cause) return new CallEnded(cause.code, target);
  if (!isAxiosError(error)) return error;
  const { response, code = 'unknown' } = error;
  if (response?.status === 408 && scope.remainingMs <= TIMER_SKEW_MS) {
    return new CallEnded('deadline-exceeded', target);
  }
  if (response && response.status !== 200) {
    return new CallEnded('other-status', target, String(response.status));
  }
  if (response || /^HPE_|^ERR_BAD_RESPONSE$/.test(code)) {
    return new CallEnded('broken-answer', target);
  }
  return new CallEnded('unreachable', target, code);
}

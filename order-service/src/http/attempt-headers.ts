import { IDEMPOTENCY_KEY_HEADER, REQUEST_ID_HEADER } from '@orders/chassis';

/** What names an attempt: sent with a call, and echoed by whoever has really answered it. */
export const ATTEMPT_HEADERS = [REQUEST_ID_HEADER, IDEMPOTENCY_KEY_HEADER];

type Headers = Readonly<Record<string, unknown>>;

/** Whether an answer is to the very call that was `sent`: behind a hop that replays, it may not be. */
export function namesAttempt(received: Headers, sent: Headers = {}): boolean {
  return ATTEMPT_HEADERS.every((name) => sent[name] === undefined || received[name] === sent[name]);
}

import { IDEMPOTENCY_KEY_HEADER, OPERATION_HEADER, REQUEST_ID_HEADER } from '@orders/chassis';

/** The ids of an attempt, which every answer repeats. */
const IDS = [REQUEST_ID_HEADER, IDEMPOTENCY_KEY_HEADER];

/** The headers by which an answer names its call. The operation tells calls of the same attempt apart. */
export const ATTEMPT_HEADERS = [...IDS, OPERATION_HEADER];

type Headers = Readonly<Record<string, unknown>>;

/**
 * Whether an answer is to the very call that was sent with `headers` and asked for `operation`. A proxy that
 * replays answers or mixes them up may pass on another one.
 */
export function namesAttempt(
  received: Headers,
  { headers, operation }: { headers: Headers; operation: string },
): boolean {
  const isEchoed = (id: string) => headers[id] === undefined || received[id] === headers[id];
  return IDS.every(isEchoed) && received[OPERATION_HEADER] === operation;
}

import { IDEMPOTENCY_KEY_HEADER, REQUEST_ID_HEADER } from '@orders/chassis';

/** What names an attempt: sent with a call, and echoed by whoever has really answered it. */
export const ATTEMPT_HEADERS = [REQUEST_ID_HEADER, IDEMPOTENCY_KEY_HEADER];

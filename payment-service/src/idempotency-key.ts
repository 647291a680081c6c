import type { Request } from 'express';
import createError from 'http-errors';

/**
 * The `Idempotency-Key` header, verbatim; undefined if there is none. Throws a 400 http-error unless
 * it is 1 to 128 visible ASCII characters. After the IETF draft httpapi-idempotency-key, whose
 * structured string is such a value.
 */
export function idempotencyKey(req: Request): string | undefined {
  const key = req.get('idempotency-key');
  if (key === undefined || /^[!-~]{1,128}$/.test(key)) return key;
  throw createError(400, 'Idempotency-Key must be 1 to 128 visible ASCII characters');
}

import type { Request, Response } from 'express';
import createError from 'http-errors';

export const IDEMPOTENCY_KEY_HEADER = 'idempotency-key';

/** Carries the Idempotency-Key of the order's caller from one service to the next. */
export const CALLER_KEY_HEADER = 'x-caller-key';

/**
 * The idempotency key of a request; undefined if it has none. The key is bare, or a quoted string as in the
 * IETF draft httpapi-idempotency-key: `abc` and `"abc"` are the same key.
 *
 * @throws a 400 http-error unless the key is 1 to 128 visible ASCII characters.
 */
export function idempotencyKey(req: Request): string | undefined {
  return keyIn(req.get(IDEMPOTENCY_KEY_HEADER), 'Idempotency-Key');
}

/**
 * The Idempotency-Key of the order's caller; undefined if there is none.
 *
 * @throws a 400 http-error unless the key is 1 to 128 visible ASCII characters.
 */
export function callerKey(req: Request): string | undefined {
  return keyIn(req.get(CALLER_KEY_HEADER), 'X-Caller-Key');
}

/** A key as a header's value: bare, unless it would read as a quoted string. */
export function keyHeader(key: string): string {
  return key.startsWith('"') ? `"${key.replaceAll(/["\\]/g, '\\$&')}"` : key;
}

/** Echoes the key of the attempt that `res` answers. */
export function nameAttempt(res: Response, key: string): void {
  res.set(IDEMPOTENCY_KEY_HEADER, keyHeader(key));
}

/** The 422 error for a key that an earlier order has used. */
export function usedForAnotherOrder(): Error {
  return createError(422, 'Idempotency-Key was used for another order');
}

function keyIn(sent: string | undefined, header: string): string | undefined {
  if (sent === undefined) return undefined;
  const quoted = /^"((?:[^"\\]|\\["\\])*)"$/.exec(sent)?.[1];
  const key = quoted?.replaceAll(/\\(.)/g, '$1') ?? sent;
  const isBroken = quoted === undefined && sent.startsWith('"');
  if (isBroken || !/^[!-~]{1,128}$/.test(key)) {
    const rule = '1 to 128 visible ASCII characters, bare or in quotes';
    throw createError(400, `${header} must be ${rule}`);
  }
  return key;
}

import type { Request, Response } from 'express';
import createError from 'http-errors';

export const IDEMPOTENCY_KEY_HEADER = 'idempotency-key';

/** On calls between the services: the key that the order's caller sent. */
export const CALLER_KEY_HEADER = 'x-caller-key';

/**
 * The request's idempotency key; undefined if it has none. It comes bare or as the quoted string of
 * the IETF draft httpapi-idempotency-key: `abc` and `"abc"` are the same key. Throws a 400 http-error
 * unless it is 1 to 128 visible ASCII characters.
 */
export function idempotencyKey(req: Request): string | undefined {
  return keyIn(req.get(IDEMPOTENCY_KEY_HEADER), 'Idempotency-Key');
}

/** The key that the order's caller sent; undefined if it sent none. Written and refused like `idempotencyKey`. */
export function callerKey(req: Request): string | undefined {
  return keyIn(req.get(CALLER_KEY_HEADER), 'X-Caller-Key');
}

/** A key as a header has it: bare, unless that would read as a quoted string. */
export function keyHeader(key: string): string {
  return key.startsWith('"') ? `"${key.replaceAll(/["\\]/g, '\\$&')}"` : key;
}

/** Names the attempt that `res` answers. */
export function nameAttempt(res: Response, key: string): void {
  res.set(IDEMPOTENCY_KEY_HEADER, keyHeader(key));
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

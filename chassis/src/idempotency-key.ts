import type { Request, Response } from 'express';
import createError from 'http-errors';

export const IDEMPOTENCY_KEY_HEADER = 'idempotency-key';

const REFUSAL = 'Idempotency-Key must be 1 to 128 visible ASCII characters, bare or in quotes';

/**
 * The request's idempotency key; undefined if it has none. It comes bare or as the quoted string of
 * the IETF draft httpapi-idempotency-key: `abc` and `"abc"` are the same key. Throws a 400 http-error
 * unless it is 1 to 128 visible ASCII characters.
 */
export function idempotencyKey(req: Request): string | undefined {
  const sent = req.get(IDEMPOTENCY_KEY_HEADER);
  if (sent === undefined) return undefined;
  const quoted = /^"((?:[^"\\]|\\["\\])*)"$/.exec(sent)?.[1];
  if (quoted === undefined && sent.startsWith('"')) throw createError(400, REFUSAL);
  const key = quoted?.replaceAll(/\\(.)/g, '$1') ?? sent;
  if (!/^[!-~]{1,128}$/.test(key)) throw createError(400, REFUSAL);
  return key;
}

/** Names the attempt that `res` answers: by its key bare, unless that would read as a quoted string. */
export function nameAttempt(res: Response, key: string): void {
  const value = key.startsWith('"') ? `"${key.replaceAll(/["\\]/g, '\\$&')}"` : key;
  res.set(IDEMPOTENCY_KEY_HEADER, value);
}

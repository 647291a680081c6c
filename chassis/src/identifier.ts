import type { Request } from 'express';
import createError from 'http-errors';

/**
 * The query parameter `name`, or `fallback` if the request has none.
 *
 * @throws a 400 http-error that names the parameter if it is missing, repeated, empty, longer than 128
 * characters, has broken percent-encoding or a control character.
 */
export function identifier(req: Request, name: string, fallback?: string): string {
  const refuse = (problem: string): never => {
    throw createError(400, `${name} ${problem}`);
  };
  const query = /\?(.*)/s.exec(req.url)?.[1]?.split('&') ?? [];
  const [pair, second] = query.filter((part) => new URLSearchParams(part).has(name));
  if (pair === undefined) return fallback ?? refuse('is missing');
  if (second !== undefined) refuse('is repeated');
  try {
    decodeURIComponent(pair); // URLSearchParams accepts broken encoding, or replaces it by U+FFFD.
  } catch {
    refuse('has broken percent-encoding');
  }
  const value = new URLSearchParams(pair).get(name) || refuse('is empty');
  if ([...value].length > 128) refuse('is longer than 128 characters');
  if (/\p{Cc}/u.test(value)) refuse('has a control character');
  // A copy: a slice would keep the whole URL in memory for as long as the value.
  return Buffer.from(value).toString();
}

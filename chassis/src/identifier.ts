import type { Request } from 'express';
import createError from 'http-errors';

/**
 * The query parameter `name`, 1 to 128 characters; `fallback` if it is absent. Throws a 400 http-error
 * that names it if it is missing, repeated, empty, too long, broken or has a control character.
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
    decodeURIComponent(pair); // URLSearchParams lets broken encoding pass, or makes it U+FFFD.
  } catch {
    refuse('has broken percent-encoding');
  }
  const value = new URLSearchParams(pair).get(name) || refuse('is empty');
  if ([...value].length > 128) refuse('is longer than 128 characters');
  if (/\p{Cc}/u.test(value)) refuse('has a control character');
  // A copy: a slice of the URL would keep all of it for as long as the value is remembered.
  return Buffer.from(value).toString();
}

import type { RequestHandler } from 'express';
import createError from 'http-errors';

/**
 * Lets `methods` pass and answers any other 405, since a route does its work for nothing else; a HEAD
 * too, for which Express would run the GET handler.
 */
export function only(...methods: ('GET' | 'HEAD' | 'POST')[]): RequestHandler {
  const allowed: readonly string[] = methods;
  return (req, _res, next) => {
    if (allowed.includes(req.method)) return next();
    const headers = { Allow: methods.join(', ') };
    throw createError(405, `${req.method} is not allowed here`, { headers });
  };
}

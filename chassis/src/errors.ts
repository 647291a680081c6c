import { isCancellation } from '@orders/cancellation';
import type { ErrorRequestHandler, RequestHandler, Response } from 'express';
import createError, { isHttpError } from 'http-errors';
import { requestLogger } from './request-id.ts';

/** Lets `methods` pass and answers any other 405, HEAD too: Express would run the GET handler. */
export function only(...methods: ('GET' | 'HEAD' | 'POST')[]): RequestHandler {
  const allowed: readonly string[] = methods;
  return (req, _res, next) => {
    if (allowed.includes(req.method)) return next();
    const headers = { Allow: methods.join(', ') };
    throw createError(405, `${req.method} is not allowed here`, { headers });
  };
}

/** Answers with one line of text; its line break keeps a shell's prompt off it. */
export function sendText(res: Response, text: string): void {
  res.send(`${text}\n`);
}

/** The one place where a thrown error becomes an answer, its message the body. A bug is logged. */
export const errorHandler: ErrorRequestHandler = (error: unknown, _req, res, _next) => {
  const isExpected = isHttpError(error) || isCancellation(error);
  if (!isExpected) requestLogger(res).error({ err: error }, 'Internal error');
  if (res.headersSent) res.destroy();
  else if (isHttpError(error))
    sendText(res.status(error.status).set(error.headers ?? {}), error.message);
  else if (isExpected) sendText(res.status(408), 'Request canceled');
  else sendText(res.status(500), 'Internal error');
};

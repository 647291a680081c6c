import type { ErrorRequestHandler, RequestHandler, Response } from 'express';
import { isHttpError } from 'http-errors';
import { isCancellation } from 'request-scope';
import { latestLogger } from './request-id.ts';

/** An answer is text, unless its route says something else. */
export const plainText: RequestHandler = (_req, res, next) => {
  res.setHeader('Content-Type', 'text/plain; charset=utf-8');
  next();
};

/** Answers with one line of text; its line break keeps a shell's prompt off it. */
export function sendText(res: Response, text: string): void {
  res.send(`${text}\n`);
}

/** The one place where a thrown error becomes an answer, its message the body. A bug is logged. */
export const errorHandler: ErrorRequestHandler = (error: unknown, _req, res, _next) => {
  const isExpected = isHttpError(error) || isCancellation(error);
  if (!isExpected) latestLogger(res).error({ err: error }, 'Internal error');
  if (res.headersSent) res.destroy();
  else if (isHttpError(error))
    sendText(res.status(error.status).set(error.headers ?? {}), error.message);
  else if (isExpected) sendText(res.status(408), 'Request canceled');
  else sendText(res.status(500), 'Internal error');
};

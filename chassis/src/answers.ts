import type { ErrorRequestHandler, RequestHandler, Response } from 'express';
import { isHttpError } from 'http-errors';
import { isCancellation } from 'request-scope';
import { afterLines } from './line-writer.ts';
import { latestLogger } from './request-id.ts';

/** Middleware that makes an answer plain text, unless its route sets another type. */
export const plainText: RequestHandler = (_req, res, next) => {
  res.setHeader('Content-Type', 'text/plain; charset=utf-8');
  next();
};

/**
 * Answers with one line of text, after the log lines of this turn have been written. It ends with a line break,
 * so that a shell's prompt starts a new line.
 */
export function sendText(res: Response, text: string): void {
  res.locals.isAnswered = true;
  afterLines(() => res.send(`${text}\n`));
}

/**
 * Turns a thrown error into an answer: an http-error into its status and message, a cancellation into 408,
 * and any other error, which is logged as a bug, into 500.
 */
export const errorHandler: ErrorRequestHandler = (error: unknown, _req, res, _next) => {
  const isExpected = isHttpError(error) || isCancellation(error);
  if (!isExpected) latestLogger(res).error({ err: error }, 'Internal error');
  if (res.headersSent) res.destroy();
  else if (res.locals.isAnswered)
    return; // It is about to be sent.
  else if (isHttpError(error))
    sendText(res.status(error.status).set(error.headers ?? {}), error.message);
  else if (isExpected) sendText(res.status(408), 'Request canceled');
  else sendText(res.status(500), 'Internal error');
};

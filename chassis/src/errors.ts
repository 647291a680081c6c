import type { ErrorRequestHandler } from 'express';
import { isHttpError } from 'http-errors';
import { isCancellation } from 'request-scope';
import { latestLogger } from './request-id.ts';
import { sendText } from './text.ts';

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

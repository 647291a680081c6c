import { Cancellation } from '@orders/cancellation';
import type { ErrorRequestHandler, RequestHandler } from 'express';
import createError, { isHttpError } from 'http-errors';
import { requestLogger } from './request-id.ts';

/** Lets `method` pass and answers any other 405, HEAD too: Express would run the GET handler. */
export function only(method: 'GET' | 'POST'): RequestHandler {
  return (req, _res, next) => {
    if (req.method === method) return next();
    throw createError(405, `${req.method} is not allowed here`, { headers: { Allow: method } });
  };
}

/** The one place where a thrown error becomes an answer, its message the body. A bug is logged. */
export const errorHandler: ErrorRequestHandler = (error: unknown, _req, res, _next) => {
  if (isHttpError(error)) {
    res.status(error.status).set(error.headers).send(error.message);
  } else if (error instanceof Cancellation) {
    res.status(408).send('Request canceled');
  } else {
    requestLogger(res).error({ err: error }, 'Internal error');
    if (res.headersSent) res.destroy();
    else res.status(500).send('Internal error');
  }
};

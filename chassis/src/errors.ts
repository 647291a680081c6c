import { Cancellation } from '@orders/cancellation';
import type { ErrorRequestHandler, RequestHandler } from 'express';
import { requestLogger } from './request-id.ts';

/** An answer other than 200 that a handler throws; `message` is its body, one line. */
export class HttpError extends Error {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

/** Lets `method` pass and answers any other 405, HEAD too: Express would run the GET handler. */
export function only(method: 'GET' | 'POST'): RequestHandler {
  return (req, _res, next) => {
    if (req.method === method) next();
    else throw new HttpError(405, `${req.method} is not allowed here`, { Allow: method });
  };
}

/** The one place where a thrown error becomes an answer. A bug is logged here, once. */
export const errorHandler: ErrorRequestHandler = (error: unknown, _req, res, _next) => {
  if (error instanceof HttpError) {
    res.status(error.status).set(error.headers).send(error.message);
  } else if (error instanceof Cancellation) {
    res.status(408).send('Request canceled');
  } else {
    requestLogger(res).error({ err: error }, 'Internal error');
    if (res.headersSent) res.destroy();
    else res.status(500).send('Internal error');
  }
};

import { randomUUID } from 'node:crypto';
import type { RequestHandler, Response } from 'express';
import type { Logger } from 'pino';

export const REQUEST_ID_HEADER = 'x-request-id';

/** Middleware that gives each request a logger and an id, the caller's or a new UUID, and echoes the id. */
export function identifyRequests(logger: Logger): RequestHandler {
  return (req, res, next) => {
    const sent = req.get(REQUEST_ID_HEADER) ?? '';
    const id = /^[A-Za-z0-9._-]{1,128}$/.test(sent) ? sent : randomUUID();
    Object.assign(res.locals, { requestId: id, logger });
    res.setHeader(REQUEST_ID_HEADER, id);
    next();
  };
}

/** The id of the request that `res` answers. */
export function requestId(res: Response): string {
  return res.locals.requestId;
}

/** A logger whose lines carry the request's id and `fields`. */
export function requestLogger(
  res: Response,
  fields: Record<string, string | undefined> = {},
): Logger {
  const logger: Logger = res.locals.logger;
  const log = logger.child({ requestId: requestId(res), ...fields });
  res.locals.log = log;
  return log;
}

/** The logger that the route made last, or else one with only the request's id. */
export function latestLogger(res: Response): Logger {
  return res.locals.log ?? requestLogger(res);
}

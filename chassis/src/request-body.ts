import { ClientDisconnected } from '@orders/cancellation';
import type { Request, RequestHandler } from 'express';
import { HttpError } from './errors.ts';

const MAX_BODY_BYTES = 8 * 1024 * 1024;

/**
 * Reads and forgets the request's body before the handler begins: nobody needs it, and behind an
 * unread one a hang-up is not seen. Past 8 MB it answers 413 and the connection closes.
 */
export const drainBody: RequestHandler = async (req, _res, next) => {
  const { 'content-length': length = '0', 'transfer-encoding': encoding } = req.headers;
  const empty = length === '0' && encoding === undefined;
  if (!empty && (Number(length) > MAX_BODY_BYTES || !(await drained(req)))) {
    throw new HttpError(413, 'Request body is larger than 8 MB', { Connection: 'close' });
  }
  next();
};

/** False as soon as the body is too large. */
async function drained(req: Request): Promise<boolean> {
  let bytes = 0;
  try {
    for await (const chunk of req.iterator({ destroyOnReturn: false })) {
      bytes += chunk.length;
      if (bytes > MAX_BODY_BYTES) return false;
    }
    return true;
  } catch {
    throw new ClientDisconnected();
  }
}

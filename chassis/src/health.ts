import type { Database } from '@orders/postgres/database';
import type { RequestHandler } from 'express';
import type { GracefulShutdown } from 'request-scope';

/**
 * Answers 503 from the first moment of a drain, and while the database would not serve an order. For the codes
 * in `reason` see docs/contract.md#database.
 */
export function health({
  shutdown,
  database,
}: {
  shutdown: GracefulShutdown;
  database: Database | undefined;
}): RequestHandler {
  return (_req, res) => {
    res.type('json');
    if (shutdown.draining) res.status(503).send({ status: 'draining' });
    else if (!database || database.isAvailable) res.send({ status: 'ok' });
    else res.status(503).send({ status: 'database unavailable', reason: database.reason });
  };
}

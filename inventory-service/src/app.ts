import type { RequestListener } from 'node:http';
import {
  createServiceApp,
  type Database,
  type EdgeConfig,
  hasAborted,
  identifier,
  type Logger,
  nameOperation,
  only,
  requestLogger,
  sendText,
} from '@orders/chassis';
import type { Express } from 'express';
import { causeOf, GracefulShutdown } from 'request-scope';
import { scopeOf } from 'request-scope/express';
import type { Config } from './config.ts';
import { simulateCheck } from './stock/memory.ts';
import { queryInventory } from './stock/postgres.ts';

/** The inventory service's app: `GET /check?productID=`. */
export function createApp(
  config: Pick<Config, 'checkDurationMs'> & Partial<EdgeConfig>,
  logger: Logger,
  shutdown = new GracefulShutdown(),
  database?: Database,
): RequestListener {
  const check = database
    ? queryInventory(database, config.checkDurationMs)
    : simulateCheck(config.checkDurationMs);
  const addRoutes = (app: Express) => {
    app.all('/check', only('GET'), async (req, res) => {
      const productID = identifier(req, 'productID');
      nameOperation(res, 'check', productID);
      const log = requestLogger(res, { productID });
      using scope = scopeOf(res);
      try {
        await check(productID, scope);
        if (hasAborted(scope)) throw scope.signal.reason;
        log.info(`Inventory check completed for product: ${productID}`);
        sendText(res, `Product ${productID} is available`);
      } catch (error) {
        const cause = causeOf(error, scope);
        if (!cause) throw error;
        const { elapsedMs } = scope;
        log.info(
          { cause: cause.code, elapsedMs },
          `Inventory check canceled for product: ${productID}`,
        );
        sendText(res.status(408), 'Request canceled');
      }
    });
  };
  return createServiceApp(logger, shutdown, database, addRoutes, config.allowedHosts);
}

import { causeOf, GracefulShutdown, requestScope } from '@orders/cancellation';
import { createServiceApp, identifier, type Logger, only, requestLogger } from '@orders/chassis';
import type { Express } from 'express';
import type { Config } from './config.ts';
import { processPayment } from './process-payment.ts';

/** The payment service's app: `POST /pay?orderID=`. */
export function createApp(
  config: Pick<Config, 'paymentDurationMs'>,
  logger: Logger,
  shutdown = new GracefulShutdown(),
): Express {
  return createServiceApp(logger, shutdown, (app) => {
    app.all('/pay', only('POST'), async (req, res) => {
      const orderID = identifier(req, 'orderID');
      const log = requestLogger(res, { orderID });
      using scope = requestScope(req, shutdown);
      try {
        await processPayment(orderID, config.paymentDurationMs, scope.signal);
        log.info(`Payment processed for order: ${orderID}`);
        res.send(`Payment for order ${orderID} completed`);
      } catch (error) {
        const cause = causeOf(scope.signal);
        if (!cause) throw error;
        const { elapsedMs } = scope;
        log.info(
          { cause: cause.code, elapsedMs },
          `Payment processing canceled for order: ${orderID}`,
        );
        res.status(408).send('Payment canceled');
      }
    });
  });
}

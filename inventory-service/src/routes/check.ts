import {
  answerCanceled,
  hasAborted,
  identifier,
  nameOperation,
  requestLogger,
  sendText,
} from '@orders/chassis';
import type { RequestHandler } from 'express';
import { scopeOf } from 'request-scope/express';
import type { Stock } from '../stock/stock.ts';

/** `GET /check`: whether the product is available. */
export function checkRoute(stock: Stock): RequestHandler {
  return async (req, res) => {
    const productID = identifier(req, 'productID');
    nameOperation(res, 'check', productID);
    const log = requestLogger(res, { productID });
    using scope = scopeOf(res);
    try {
      await stock.check(productID, scope);
      if (hasAborted(scope)) throw scope.signal.reason;
      log.info(`Inventory check completed for product: ${productID}`);
      sendText(res, `Product ${productID} is available`);
    } catch (error) {
      const message = `Inventory check canceled for product: ${productID}`;
      answerCanceled(res, scope, log, { error, message });
    }
  };
}

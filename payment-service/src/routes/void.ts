import {
  callerKey,
  idempotencyKey,
  identifier,
  nameAttempt,
  nameOperation,
  requestLogger,
  sendText,
  usedForAnotherOrder,
} from '@orders/chassis';
import type { RequestHandler } from 'express';
import createError from 'http-errors';
import { scopeOf } from 'request-scope/express';
import { type Ledger, ledgerFull } from '../ledger/ledger.ts';

/** `POST /void`: voids the payment of the idempotency key, even before that payment arrives. */
export function voidRoute(ledger: Ledger): RequestHandler {
  return async (req, res) => {
    const orderID = identifier(req, 'orderID');
    const paymentKey = idempotencyKey(req);
    if (paymentKey === undefined) throw createError(400, 'Idempotency-Key is missing');
    nameAttempt(res, paymentKey);
    nameOperation(res, 'void', orderID);
    const keys = { paymentKey, callerKey: callerKey(req) };
    using scope = scopeOf(res);
    const options = { scope, callerKey: keys.callerKey };
    const result = await ledger.void(paymentKey, orderID, options);
    if (result === 'full') throw ledgerFull();
    if (result === 'other-order') throw usedForAnotherOrder();
    if (result === 'voided') {
      const log = requestLogger(res, { orderID, ...keys });
      log.info(`Payment voided for order: ${orderID}`);
    }
    sendText(res, `Payment for order ${orderID} voided`);
  };
}

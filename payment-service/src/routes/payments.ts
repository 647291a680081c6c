import { identifier } from '@orders/chassis';
import type { RequestHandler } from 'express';
import { scopeOf } from 'request-scope/express';
import type { Ledger } from '../ledger/ledger.ts';

/** `GET /payments`: the payments of an order. */
export function paymentsRoute(ledger: Ledger): RequestHandler {
  return async (req, res) => {
    const orderID = identifier(req, 'orderID');
    using scope = scopeOf(res);
    scope.signal.throwIfAborted();
    const payments = await ledger.payments(orderID, scope);
    res.type('json').send(payments);
  };
}

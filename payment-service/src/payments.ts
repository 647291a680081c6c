import { setImmediate as nextTurn } from 'node:timers/promises';
import { identifier } from '@orders/chassis';
import type { RequestHandler } from 'express';
import { scopeOf } from '#request-scope/express';
import type { Ledger } from './ledger.ts';

/**
 * `GET /payments`: the payments for an order. A long list takes milliseconds to write, so each has a turn
 * of the event loop to itself, however many ask at once.
 */
export function paymentsRoute(ledger: Ledger): RequestHandler {
  let turn = Promise.resolve();
  return async (req, res) => {
    const orderID = identifier(req, 'orderID');
    using scope = scopeOf(res);
    turn = turn.then(() => nextTurn());
    await turn;
    scope.signal.throwIfAborted();
    const payments = await ledger.payments(orderID, scope);
    res.type('json').send(payments);
  };
}

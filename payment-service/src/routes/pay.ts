import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  answerCanceled,
  callerKey,
  hasAborted,
  idempotencyKey,
  identifier,
  nameAttempt,
  nameOperation,
  requestLogger,
  sendText,
  usedForAnotherOrder,
} from '@orders/chassis';
import type { RequestHandler } from 'express';
import createError, { isHttpError } from 'http-errors';
import type { Scope } from 'request-scope';
import { scopeOf } from 'request-scope/express';
import {
  type BeginResult,
  type Ledger,
  ledgerFull,
  OutcomeUnknown,
  PaymentVoided,
} from '../ledger/ledger.ts';

/** `POST /pay`: one charge per idempotency key, or per request if there is no key. */
export function payRoute(ledger: Ledger, durationMs: number): RequestHandler {
  return async (req, res) => {
    const key = idempotencyKey(req) ?? randomUUID();
    nameAttempt(res, key);
    const orderID = identifier(req, 'orderID');
    nameOperation(res, 'pay', orderID);
    const keys = { paymentKey: key, callerKey: callerKey(req) };
    const log = requestLogger(res, { orderID, ...keys });
    using scope = scopeOf(res);
    try {
      // Before the payment begins: its key stays free.
      if (hasAborted(scope)) throw scope.signal.reason;
      const onVoid = () => scope.abort(new PaymentVoided());
      const options = { scope, onVoid, callerKey: keys.callerKey };
      const result = await ledger.begin(key, orderID, options);
      if (result === 'begun') {
        await charge(ledger, key, processPayment(orderID, durationMs, scope.signal), scope);
        log.info(`Payment processed for order: ${orderID}`);
      } else if (result !== 'processed') throw refusal(result, orderID);
      sendText(res, `Payment for order ${orderID} completed`);
    } catch (error) {
      if (error instanceof OutcomeUnknown) {
        // Not 408: the order may be charged.
        log.warn({ cause: error.code }, `Payment outcome unknown for order: ${orderID}`);
        throw createError(500, error);
      }
      if (isHttpError(error)) throw error;
      const message = `Payment processing canceled for order: ${orderID}`;
      answerCanceled(res, scope, log, { error, message, answer: 'Payment canceled' });
    }
  };
}

/**
 * Simulates a card charge that takes `durationMs` milliseconds.
 *
 * @throws an AbortError as soon as `signal` aborts.
 */
async function processPayment(
  _orderID: string,
  durationMs: number,
  signal: AbortSignal,
): Promise<void> {
  await sleep(durationMs, undefined, { signal });
}

/**
 * Commits the pending payment `key` when `work` is done.
 *
 * @throws whatever prevents the commit. The payment is canceled then, unless its outcome is unknown.
 */
async function charge(
  ledger: Ledger,
  key: string,
  work: Promise<void>,
  scope: Scope,
): Promise<void> {
  try {
    await work;
    if (hasAborted(scope)) throw scope.signal.reason;
    // COMMIT, the point of no return: from here on only a void undoes the payment.
    if (!(await ledger.commit(key, scope))) throw new PaymentVoided();
  } catch (error) {
    if (!(error instanceof OutcomeUnknown)) await ledger.cancel(key);
    throw error;
  }
}

/** The error if nothing is charged under this key. */
function refusal(known: Exclude<BeginResult, 'begun' | 'processed'>, orderID: string): Error {
  switch (known) {
    case 'other-order':
      return usedForAnotherOrder();
    case 'in-flight':
      return createError(409, `Payment for order ${orderID} is in flight`);
    case 'voided':
      return createError(409, `Payment for order ${orderID} was voided`);
    case 'full':
      return ledgerFull();
  }
}

import { randomUUID } from 'node:crypto';
import {
  formatIdempotencyKey,
  IDEMPOTENCY_KEY_HEADER,
  idempotencyKey,
  identifier,
  requestLogger,
  sendText,
} from '@orders/chassis';
import type { RequestHandler } from 'express';
import createError from 'http-errors';
import { Cancellation, causeOf, type Scope } from '#request-scope';
import { scopeOf } from '#request-scope/express';
import type { Ledger } from './ledger.ts';
import { ledgerFull } from './ledger-full.ts';
import { processPayment } from './process-payment.ts';

/** The payment was voided while it was being processed. */
class PaymentVoided extends Cancellation {
  override readonly name = 'PaymentVoided';
  override readonly message = 'payment voided';
  readonly code = 'voided';
}

/** `POST /pay`: one charge an idempotency key; without a key, one a call. */
export function payRoute(ledger: Ledger, durationMs: number): RequestHandler {
  return async (req, res) => {
    const key = idempotencyKey(req) ?? randomUUID();
    res.set(IDEMPOTENCY_KEY_HEADER, formatIdempotencyKey(key));
    const orderID = identifier(req, 'orderID');
    using scope = scopeOf(res);
    const completed = `Payment for order ${orderID} completed`;
    switch (ledger.begin(key, orderID, stopper(scope))) {
      case 'other-order':
        throw createError(422, 'Idempotency-Key was used for another order');
      case 'in-flight':
        throw createError(409, `Payment for order ${orderID} is in flight`);
      case 'voided':
        throw createError(409, `Payment for order ${orderID} was voided`);
      case 'full':
        throw ledgerFull();
      case 'processed':
        sendText(res, completed);
        return;
    }
    const log = requestLogger(res, { orderID, idempotencyKey: key });
    try {
      await processPayment(orderID, durationMs, scope.signal);
      ledger.commit(key, scope.signal);
      log.info(`Payment processed for order: ${orderID}`);
      sendText(res, completed);
    } catch (error) {
      ledger.cancel(key);
      const cause = causeOf(error, scope);
      if (!cause) throw error;
      const { elapsedMs } = scope;
      log.info(
        { cause: cause.code, elapsedMs },
        `Payment processing canceled for order: ${orderID}`,
      );
      sendText(res.status(408), 'Payment canceled');
    }
  };
}

/** Apart from `using scope`: Node 24.0 to 24.4 never end what a closure uses (nodejs/node#58744). */
function stopper(scope: Scope): () => void {
  return () => scope.abort(new PaymentVoided());
}

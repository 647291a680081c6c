import { randomUUID } from 'node:crypto';
import {
  hasAborted,
  idempotencyKey,
  identifier,
  requestId,
  requestLogger,
  sendText,
} from '@orders/chassis';
import type { Request, RequestHandler, Response } from 'express';
import createError, { isHttpError } from 'http-errors';
import { scopeOf } from 'request-scope/express';
import type { Beginning } from '../attempts/attempts.ts';
import { CHECK } from '../downstream/inventory.ts';
import { type OrderEnded, orderEnded } from '../events.ts';
import type { Order } from '../order.ts';
import { fromCancellation, OrderFailed } from '../order-failed.ts';
import { type Dependencies, placeOrder } from '../place-order.ts';

const PROCESSED = 'Order successfully processed';

const RETRY_LATER = { 'Retry-After': '1' };

/**
 * `GET /order?productID=&orderID=`: one attempt an idempotency key; without a key, one a call. `placing`
 * has the orders that are being placed. What a failed order is answered stands in http/call-failed.ts.
 */
export function orderRoute(
  dependencies: Dependencies,
  maxInFlight: number,
  placing: Set<Promise<void>>,
): RequestHandler {
  const { attempts, voids } = dependencies;
  let inFlight = 0;
  return async (req, res) => {
    const order = readOrder(req, res);
    const { log } = order;
    // A void holds its order's place, so that an outage of the payment service cannot pile them up.
    if (inFlight + voids.size >= maxInFlight) {
      logRefusal(res, order, 'Too many orders in flight');
      throw createError(503, 'Too many orders in flight', { headers: RETRY_LATER });
    }
    using scope = scopeOf(res);
    let placed: Promise<void> | undefined;
    inFlight += 1;
    try {
      // An order that never began leaves its caller's key free.
      if (hasAborted(scope)) throw fromCancellation(scope.signal.reason, scope, CHECK);
      const beginning = await attempts.begin(order, scope);
      if (beginning === 'begun') {
        log.info(`Placing order for product: ${order.productID}`);
        placed = placeOrder(order, dependencies, scope);
        placing.add(placed);
        await placed;
        log.info(PROCESSED);
        tell({ order, outcome: 'processed', message: PROCESSED });
      } else if (beginning !== 'processed') throw refusal(beginning);
      sendText(res, PROCESSED);
    } catch (error) {
      if (isHttpError(error)) logRefusal(res, order, error.message);
      if (!(error instanceof OrderFailed)) throw error;
      const { kind, level, status, message } = error;
      log[level]({ cause: kind, elapsedMs: scope.elapsedMs }, message);
      tell({ order, outcome: kind, message });
      if (status === undefined) return; // Nobody is left to answer.
      if (status === 503) res.set(RETRY_LATER);
      sendText(res.status(status), message);
    } finally {
      inFlight -= 1;
      if (placed) placing.delete(placed);
    }
  };
}

const tell = (ended: OrderEnded) => orderEnded.publish(ended);

/** The order that is asked for. Throws a 400 http-error, which leaves a line if the caller's key is one. */
function readOrder(req: Request, res: Response): Order {
  const callerKey = idempotencyKey(req);
  try {
    const productID = identifier(req, 'productID', '1234');
    const orderID = readOrderID(req);
    // The payment's key is ours alone: its void must never meet the payment of another attempt.
    const paymentKey = randomUUID();
    const log = requestLogger(res, { productID, orderID, paymentKey, callerKey });
    return { productID, orderID, paymentKey, callerKey, requestId: requestId(res), log };
  } catch (error) {
    const { message } = error as Error;
    if (callerKey !== undefined) logRefusal(res, { orderID: orderIDOf(req), callerKey }, message);
    throw error;
  }
}

const readOrderID = (req: Request) => identifier(req, 'orderID', 'orderID-5678');

function orderIDOf(req: Request): string | undefined {
  try {
    return readOrderID(req);
  } catch {
    return undefined;
  }
}

interface Refused {
  productID?: string;
  orderID: string | undefined;
  callerKey?: string | undefined;
}

/** The line of an order that is not placed. It names no payment: there is none. */
function logRefusal(res: Response, { productID, orderID, callerKey }: Refused, why: string): void {
  requestLogger(res, { productID, orderID, callerKey }).info(`Order refused: ${why}`);
}

/** Why an attempt is not made again under its caller's key. */
function refusal(known: Exclude<Beginning, 'begun' | 'processed'>): Error {
  const subject = 'The order of this Idempotency-Key';
  switch (known) {
    case 'in-flight':
      return createError(409, `${subject} is in flight`);
    case 'failed':
      return createError(409, `${subject} failed or was canceled, take a new key`);
    case 'other-order':
      return createError(422, 'Idempotency-Key was used for another order');
    case 'full':
      return createError(503, 'Too many orders to remember', { headers: RETRY_LATER });
  }
}

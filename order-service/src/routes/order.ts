import { randomUUID } from 'node:crypto';
import {
  hasAborted,
  idempotencyKey,
  identifier,
  requestId,
  requestLogger,
  sendText,
  usedForAnotherOrder,
} from '@orders/chassis';
import type { Request, RequestHandler, Response } from 'express';
import createError, { isHttpError } from 'http-errors';
import { scopeOf } from 'request-scope/express';
import type { BeginResult } from '../attempts/attempts.ts';
import { CHECK } from '../downstream/inventory.ts';
import { type OrderEnded, orderEnded } from '../events.ts';
import type { Order } from '../order.ts';
import { fromCancellation, OrderFailed } from '../order-failed.ts';
import { type Dependencies, placeOrder } from '../place-order.ts';

const PROCESSED = 'Order successfully processed';

const RETRY_LATER = { 'Retry-After': '1' };

interface OrderRoute {
  handler: RequestHandler;
  /** Resolves once the orders that are being placed have succeeded or failed, and are on record as such. */
  settled(): Promise<unknown>;
}

/**
 * `GET /order?productID=&orderID=`: one attempt per `Idempotency-Key`, or per request if there is none. Refuses
 * orders beyond `maxInFlight`. For the answers to failed orders see order-failed.ts.
 */
export function orderRoute(dependencies: Dependencies, maxInFlight: number): OrderRoute {
  const { attempts, voids } = dependencies;
  const placing = new Set<Promise<void>>();
  let inFlight = 0;
  const handler: RequestHandler = async (req, res) => {
    const order = readOrder(req, res);
    const { log } = order;
    // Pending voids count, so that they cannot pile up while the payment service is down.
    if (inFlight + voids.size >= maxInFlight) {
      logRefusal(res, order, 'Too many orders in flight');
      throw createError(503, 'Too many orders in flight', { headers: RETRY_LATER });
    }
    using scope = scopeOf(res);
    let placed: Promise<void> | undefined;
    inFlight += 1;
    try {
      // An order that was never begun must not use up its caller's key.
      if (hasAborted(scope)) throw fromCancellation(scope.signal.reason, scope, CHECK);
      const result = await attempts.begin(order, scope);
      if (result === 'begun') {
        log.info(`Placing order for product: ${order.productID}`);
        placed = placeOrder(order, dependencies, scope);
        placing.add(placed);
        await placed;
        log.info(PROCESSED);
        publish({ order, outcome: 'processed', message: PROCESSED });
      } else if (result !== 'processed') throw refusal(result);
      sendText(res, PROCESSED);
    } catch (error) {
      if (isHttpError(error)) logRefusal(res, order, error.message);
      if (!(error instanceof OrderFailed)) throw error;
      const { kind, level, status, message } = error;
      log[level]({ cause: kind, elapsedMs: scope.elapsedMs }, message);
      publish({ order, outcome: kind, message });
      if (status === undefined) return; // Nobody is left to answer.
      if (status === 503) res.set(RETRY_LATER);
      sendText(res.status(status), message);
    } finally {
      inFlight -= 1;
      if (placed) placing.delete(placed);
    }
  };
  return { handler, settled: () => Promise.allSettled(placing) };
}

const publish = (ended: OrderEnded) => orderEnded.publish(ended);

/**
 * Reads the order from the request. Logs a refusal if the caller sent a valid key.
 * @throws an http-error with status 400.
 */
function readOrder(req: Request, res: Response): Order {
  const callerKey = idempotencyKey(req);
  try {
    const productID = identifier(req, 'productID', '1234');
    const orderID = readOrderID(req);
    // Never the caller's key: a void must not reach the payment of another attempt.
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

/** Logs that an order is not placed. The line has no payment key, since there is no payment. */
function logRefusal(res: Response, { productID, orderID, callerKey }: Refused, why: string): void {
  requestLogger(res, { productID, orderID, callerKey }).info(`Order refused: ${why}`);
}

/** The http-error for an attempt that cannot begin. */
function refusal(result: Exclude<BeginResult, 'begun' | 'processed'>): Error {
  const subject = 'The order of this Idempotency-Key';
  switch (result) {
    case 'in-flight':
      return createError(409, `${subject} is in flight`);
    case 'failed':
      return createError(409, `${subject} failed or was canceled, take a new key`);
    case 'other-order':
      return usedForAnotherOrder();
    case 'full':
      return createError(503, 'Too many orders to remember', { headers: RETRY_LATER });
  }
}

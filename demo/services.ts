import { setTimeout as sleep } from 'node:timers/promises';
import { paymentsOf, send } from '../harness/clients.ts';
import { startRelay } from '../harness/network.ts';
import type { LogQuery, ServiceProcess } from '../harness/service-process.ts';
import { startSystem } from '../harness/system.ts';
import { Timeline } from './timeline.ts';

/** How long to wait for a log line before treating it as missing. */
const LOG_TIMEOUT_MS = 30_000;
const ENDLESS_MS = 60_000;

/** The services, the network in front of payment-service, and a function that places an order. */
export type Services = Awaited<ReturnType<typeof startServices>>;
export type PlacedOrder = ReturnType<Services['place']>;

/** The step that a scene cuts short. It never ends by itself, so that a slow machine cannot miss the moment. */
export type Endless = 'check' | 'payment';

/** Starts the services with 2 s of stock check and 3 s of payment, both times `scale`. */
export async function startServices(scale: number, endless?: Endless) {
  const workMs = (step: Endless, nominalMs: number) =>
    String(step === endless ? ENDLESS_MS : nominalMs * scale);
  const network = await startRelay();
  const system = await startSystem({
    CHECK_DURATION_MS: workMs('check', 2_000),
    PAYMENT_DURATION_MS: workMs('payment', 3_000),
    ...(endless && { CALL_TIMEOUT_MS: String(ENDLESS_MS) }),
    PAYMENT_URL: network.url,
  });
  const { order, payment } = system;
  network.port = payment.port;
  const timeline = new Timeline();
  for (const service of system.all) service.follow((line) => timeline.show(line));

  /** Sends an order, whose caller waits for `budgetMs` times `scale`. */
  const place = (orderID: string, budgetMs?: number) => {
    timeline.begin();
    const budget = { 'x-envoy-expected-rq-timeout-ms': `${Number(budgetMs) * scale}` };
    const headers = budgetMs === undefined ? {} : budget;
    const sent = send(`${order.url}/order?orderID=${orderID}`, { headers });
    /** Resolves with the line that a service logs for this order, or with undefined if it logs none. */
    const line = (service: ServiceProcess, query: LogQuery) => {
      const missed = sleep(LOG_TIMEOUT_MS, undefined, { ref: false });
      return Promise.race([service.waitFor({ requestId: sent.requestId, ...query }), missed]);
    };
    return {
      orderID,
      answer: sent.answer.catch(() => undefined),
      line,
      async cutNetworkDuringPayment() {
        // An order that has already ended does not reach payment-service.
        await Promise.race([payment.arrival(sent.requestId), sent.answer.catch(() => {})]);
        network.cut();
      },
      async hangUp(afterMs = 0) {
        await sleep(afterMs * scale);
        timeline.show({ time: Date.now(), service: 'client', msg: 'hangs up' });
        sent.hangUp();
        await line(order, { msg: 'Order canceled: client disconnected' });
      },
      payments: async () => (await paymentsOf(orderID, payment.url)).join() || 'none',
    };
  };
  const close = async () => {
    for (const end of [system, network]) await end[Symbol.asyncDispose]();
  };
  return { ...system, network, timeline, place, scale, [Symbol.asyncDispose]: close };
}

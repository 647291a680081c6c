import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { paymentsOf, send } from '../harness/clients.ts';
import { startRelay } from '../harness/network.ts';
import { type LogQuery, ServiceProcess } from '../harness/service-process.ts';
import { ROOT } from '../processes/repository.ts';
import { CALLED, type ServiceName, type ShortName, variableOf } from '../services.ts';
import { type Happened, type Money, OrderRun } from './order-run.ts';

/** How long to wait for a log line before treating it as missing. */
const LOG_TIMEOUT_MS = 30_000;
const ENDLESS_MS = 60_000;

/** These services, or the same three written the usual way. */
const PROGRAMS = {
  ours: (service: ServiceName) => `${service}/src/server`,
  usual: (service: ServiceName) => `demo/as-usual/${service}`,
};

/** The step that a scene cuts short. It never ends by itself, so that a slow machine cannot miss the moment. */
export type Endless = 'check' | 'payment';

type SystemName = keyof typeof PROGRAMS;
export type System = Awaited<ReturnType<typeof startSystem>>;
export type PlacedOrder = ReturnType<typeof placeOrder>;

/**
 * Starts a system on free ports, with a network in front of payment-service. The check takes 2 s and the payment 3 s,
 * both times `scale`, but `endless` never ends.
 */
export async function startSystem(system: SystemName, scale: number, endless?: Endless) {
  const programOf = (name: ShortName) => PROGRAMS[system](`${name}-service`);
  const workMs = (step: Endless, ms: number) => String(step === endless ? ENDLESS_MS : ms * scale);
  const network = await startRelay();
  const env = {
    CHECK_DURATION_MS: workMs('check', 2_000),
    PAYMENT_DURATION_MS: workMs('payment', 3_000),
    // No call and no shutdown times out on a slow machine.
    CALL_TIMEOUT_MS: String(ENDLESS_MS),
    SHUTDOWN_TIMEOUT_MS: String(ENDLESS_MS),
  };
  const start = (name: ShortName, urls: Record<string, string> = {}) => {
    const program = programOf(name);
    return ServiceProcess.start(`${name}-service`, { ...env, ...urls }, { program });
  };
  // The usual system may have fewer services.
  const names = CALLED.filter((name) => existsSync(join(ROOT, `${programOf(name)}.ts`)));
  const services = new Map<ShortName, ServiceProcess>();
  const urls: Record<string, string> = {};
  const startCalled = async (name: (typeof names)[number]) => {
    const service = await start(name);
    services.set(name, service);
    urls[variableOf(name, 'URL')] = name === 'payment' ? network.url : service.url;
    if (name === 'payment') network.port = service.port;
  };
  await Promise.all(names.map(startCalled));
  const order = await start('order', urls);
  services.set('order', order);
  return {
    system,
    network,
    order,
    services,
    async [Symbol.asyncDispose]() {
      const parts = [...services.values(), network];
      await Promise.all(parts.map((part) => part[Symbol.asyncDispose]()));
    },
  };
}

/** Sends the same order to both systems. Whatever happens to it then happens to both at the same moment. */
export function placeOrder(
  { ours, usual, scale }: { ours: System; usual: System; scale: number },
  orderID: string,
  budgetMs?: number,
) {
  const both = [ours, usual];
  const scaledMs = budgetMs && budgetMs * scale;
  const onOurs = placeOn(ours, orderID, scaledMs);
  const onUsual = placeOn(usual, orderID, scaledMs);
  const placed = [onOurs, onUsual];
  return {
    ours: onOurs,
    usual: onUsual,
    happened: {} as Happened,
    /** Resolves once the order has reached that service in both systems. */
    arrival: (name: ShortName) => Promise.all(placed.map((each) => each.arrival(name))),
    /** Resolves once both systems have charged the order. */
    charged: () => Promise.all(placed.map((each) => each.charged())),
    /** Resolves `ms` times `scale` after the order was placed. */
    at: (ms: number) => sleep(Math.max(0, onOurs.run.placedAt + ms * scale - Date.now())),
    hangUp() {
      for (const each of placed) each.hangUp();
    },
    holdAnswers() {
      for (const { network } of both) network.holdAnswers();
    },
    cutNetwork() {
      this.happened.cutAt = Date.now();
      for (const { network } of both) network.cut();
    },
    healNetwork() {
      this.happened.healedAt = Date.now();
      for (const { network } of both) network.heal();
    },
    /** Sends SIGTERM to both order-services. */
    stopOrderServices() {
      this.happened.signaledAt = Date.now();
      for (const { order } of both) order.signal('SIGTERM');
    },
  };
}

function placeOn(
  { system, order, services }: System,
  orderID: string,
  budgetMs = Number.POSITIVE_INFINITY,
) {
  const run = new OrderRun(Date.now(), budgetMs);
  const headers: Record<string, string> = Number.isFinite(budgetMs)
    ? { 'x-envoy-expected-rq-timeout-ms': String(budgetMs) }
    : {};
  const sent = send(`${order.url}/order?orderID=${orderID}`, { headers });
  const { requestId } = sent;
  const answered = sent.answer.then(
    ({ status }) => run.end(status),
    () => run.end('no answer'),
  );
  for (const [name, service] of services) {
    service.followArrivals((arrival) => {
      if (arrival.requestId === requestId) run.arrive(name, arrival.path, arrival.time);
    });
    service.follow((line) => {
      if (line.requestId === requestId) run.take(name, line);
    });
  }
  const inTime = <T>(wait?: Promise<T>) =>
    Promise.race([wait, sleep(LOG_TIMEOUT_MS, undefined, { ref: false })]).catch(() => undefined);
  /** Resolves with the line that a service logs for this order, or with undefined if it logs none. */
  const line = (name: ShortName, query: LogQuery) =>
    inTime(services.get(name)?.waitFor({ requestId, ...query }));
  const charged = () => line('payment', { msg: `Payment processed for order: ${orderID}` });
  /** Resolves with order-service's exit code or signal, and with undefined if it does not end. */
  const exit = () => inTime(order.exited.then(({ code, signal }) => code ?? signal));
  return {
    run,
    answered,
    line,
    charged,
    exit,
    /** Resolves once the order is charged, and order-service has processed it or is gone. */
    processed: () =>
      Promise.all([
        charged(),
        Promise.race([line('order', { msg: 'Order successfully processed' }), exit()]),
      ]),
    /** Resolves once the order has reached the service, or has ended before it. */
    arrival: (name: ShortName) => Promise.race([services.get(name)?.arrival(requestId), answered]),
    hangUp() {
      run.end('hung up');
      sent.hangUp();
    },
    /** Asks our ledger, and the usual log, what became of the money. */
    async settle() {
      const { url = '' } = services.get('payment') ?? {};
      run.money = moneyOf(run, system === 'ours' ? await paymentsOf(orderID, url) : undefined);
    },
  };
}

function moneyOf({ chargedAt }: OrderRun, payments?: string[]): Money {
  if (!payments) return chargedAt ? 'charged once' : 'not charged';
  const charges = payments.filter((status) => status === 'processed').length;
  if (charges > 0) return charges === 1 ? 'charged once' : 'charged more than once';
  return chargedAt ? 'taken back' : 'not charged';
}

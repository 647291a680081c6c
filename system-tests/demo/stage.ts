import { setTimeout as sleep } from 'node:timers/promises';
import { send } from '../harness/client.ts';
import { startRelay } from '../harness/relay.ts';
import type { LogQuery, ServiceProcess } from '../harness/service-process.ts';
import { startSystem } from '../harness/system.ts';
import { Timeline } from './timeline.ts';

/** What has not been logged by then is not coming. */
const PATIENCE_MS = 10_000;

/** What the scenes are played with, and an order that is being played. */
export type Stage = Awaited<ReturnType<typeof setStage>>;
export type Act = ReturnType<Stage['place']>;

/** Starts the services, with the seed's 2 s and 3 s of work times `scale`. */
export async function setStage(scale: number) {
  const network = await startRelay();
  const system = await startSystem({
    CHECK_DURATION_MS: String(2_000 * scale),
    PAYMENT_DURATION_MS: String(3_000 * scale),
    PAYMENT_URL: network.url,
  });
  const { order, inventory, payment } = system;
  network.port = payment.port;
  const timeline = new Timeline();
  for (const service of [order, inventory, payment]) service.follow((line) => timeline.show(line));

  /** Sends an order; `budgetMs`, times `scale`, is how long the caller will wait. */
  const place = (orderID: string, budgetMs?: number) => {
    timeline.begin();
    const budget = { 'x-envoy-expected-rq-timeout-ms': String(Number(budgetMs) * scale) };
    const options = { headers: budgetMs === undefined ? {} : budget };
    const { requestId, answer, hangUp } = send(`${order.url}/order?orderID=${orderID}`, options);
    /** A line that a service logs for this order; undefined if it does not. */
    const line = (service: ServiceProcess, query: LogQuery) => {
      const missed = sleep(PATIENCE_MS, undefined, { ref: false });
      return Promise.race([service.waitFor({ requestId, ...query }), missed]);
    };
    return {
      orderID,
      answer: answer.catch(() => undefined),
      line,
      async hangUp() {
        timeline.show({ time: Date.now(), service: 'client', msg: 'hangs up' });
        hangUp();
        await line(order, { msg: 'Order canceled: client disconnected' });
      },
      /** The statuses of the order's payments, as the payment service lists them. */
      async payments(): Promise<string> {
        const { body } = await send(`${payment.url}/payments?orderID=${orderID}`).answer;
        return (
          JSON.parse(body)
            .map(({ status }: { status: string }) => status)
            .join() || 'none'
        );
      },
    };
  };
  const after = (milliseconds: number) => sleep(milliseconds * scale);
  const close = () => Promise.all([system[Symbol.asyncDispose](), network[Symbol.asyncDispose]()]);
  const dispose = { [Symbol.asyncDispose]: async () => void (await close()) };
  return { ...system, network, timeline, place, after, scale, ...dispose };
}

import { setTimeout as sleep } from 'node:timers/promises';
import { createPool } from 'request-scope-pg';
import { expect } from 'vitest';
import { send } from '../../harness/clients.ts';
import { postgresVersion, startPostgres } from '../../harness/postgres.ts';
import { startReplicas } from '../../harness/replicas.ts';
import type { ServiceProcess } from '../../harness/service-process.ts';
import { settled } from '../support/judge.ts';
import { scene } from '../support/scene.ts';

const MISSING = 'PostgreSQL is not installed';
const ORDERS = 10_000;
const LANES = 40;
const LATE = 200;
const DURATIONS = { CHECK_DURATION_MS: '0', PAYMENT_DURATION_MS: '20', CALL_TIMEOUT_MS: '60000' };
const LONG = { timeout: 600_000 };

scene(
  `${ORDERS} orders over two replicas of each service, hung up around their commit`,
  'exactly the orders that were processed are charged',
  async ({ skip }) => {
    skip(!postgresVersion, MISSING);
    await using server = await startPostgres();
    await using pool = createPool(server.url, { maxConnections: 1 });
    await using system = await startReplicas(server.url, DURATIONS);
    const { order, payment } = system;
    const moments = new Moments(order.all);
    const lanes = Array.from({ length: LANES }, (_, lane) => race(order.url, moments, lane));
    await Promise.all(lanes);
    await settled(pool);
    const lines = order.all.flatMap((replica) => replica.lines);
    const idsOf = (msg: RegExp) =>
      new Set(lines.filter((line) => msg.test(line.msg)).map(({ orderID }) => orderID));
    const processed = idsOf(/^Order successfully/);
    const canceled = idsOf(/^Order canceled/);
    const failed = ORDERS - processed.size - canceled.size;
    const { rows } = await pool.query(
      "select order_id from orders.payments where status = 'processed'",
    );
    expect(new Set(rows.map(({ order_id }) => order_id))).toEqual(processed);
    expect(rows).toHaveLength(processed.size);
    const { rows: voided } = await pool.query('select 1 from orders.payments where status = $1', [
      'voided',
    ]);
    const elsewhere = payment.all
      .flatMap(({ lines }) => lines)
      .filter(({ cause }) => cause === 'voided');
    return `${processed.size} processed, ${canceled.size} canceled, ${failed} failed, ${rows.length} charged, ${voided.length} payments voided, ${elsewhere.length} stopped by a void: 0 breaches`;
  },
  LONG,
);

scene(
  `${LATE} payments arrive after they were voided and payment-service was killed and restarted`,
  'none is charged',
  async ({ skip }) => {
    skip(!postgresVersion, MISSING);
    await using server = await startPostgres();
    await using system = await startReplicas(server.url, DURATIONS);
    const { payment } = system;
    const post = async (path: string, index: number) => {
      const headers = { 'idempotency-key': `late-${index}` };
      const { answer } = send(`${payment.url}${path}?orderID=late`, { method: 'POST', headers });
      return (await answer).status;
    };
    const late = Array.from({ length: LATE }, (_, index) => index);
    const all = async (path: string) => Promise.all(late.map((index) => post(path, index)));
    expect(new Set(await all('/void'))).toEqual(new Set([200]));
    for (let count = 0; count < 2; count += 1) {
      await payment.add();
      await payment.kill();
    }
    const answers = await all('/pay');
    expect(new Set(answers)).toEqual(new Set([409]));
    return `${answers.filter((status) => status === 200).length} of ${LATE} charged`;
  },
  LONG,
);

/** Places orders one by one, and approaches the moment of the commit with each hang-up. */
async function race(url: string, moments: Moments, lane: number): Promise<void> {
  let delayMs = 20;
  for (let count = 0; count < ORDERS / LANES; count += 1) {
    const { requestId, answer, hangUp } = send(`${url}/order?orderID=race-${lane}-${count}`);
    const { begun, ended } = moments.of(requestId);
    await Promise.race([begun, answer.catch(() => {})]); // The order may be refused.
    await sleep(delayMs);
    hangUp();
    const isProcessed = (await ended) === 'Order successfully processed';
    delayMs = Math.max(0, delayMs + (isProcessed ? -1 : 1) * (count % 3));
  }
}

/** The start and the end of an order in any replica, by request id. */
class Moments {
  readonly #moments = new Map<string, { reached: Promise<string>; reach: (msg: string) => void }>();

  constructor(replicas: readonly ServiceProcess[]) {
    for (const replica of replicas) {
      replica.follow(({ requestId, msg }) => {
        this.#moment(msg.startsWith('Placing order') ? 'begun' : 'ended', requestId).reach(msg);
      });
    }
  }

  of(requestId: string) {
    const [begun, ended] = [this.#moment('begun', requestId), this.#moment('ended', requestId)];
    return { begun: begun.reached, ended: ended.reached };
  }

  #moment(what: string, requestId: string | undefined) {
    const known = this.#moments.get(`${what} ${requestId}`);
    if (known) return known;
    let reach: (msg: string) => void = () => {};
    const reached = new Promise<string>((resolve) => {
      reach = resolve;
    });
    const moment = { reached, reach };
    this.#moments.set(`${what} ${requestId}`, moment);
    return moment;
  }
}

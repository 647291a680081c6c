import fc from 'fast-check';
import { expect } from 'vitest';
import { send } from '../harness/client.ts';
import type { LogLine } from '../harness/log-line.ts';
import { postgresVersion, startPostgres } from '../harness/postgres.ts';
import { startReplicas } from '../harness/replicas.ts';
import { until } from '../harness/until.ts';
import { createPool } from '../postgres/src/index.ts';
import { settled } from './support/judge.ts';
import { scene } from './support/scene.ts';

const MISSING = 'PostgreSQL is not installed';
const ORDERS = 10_000;
const LANES = 50;
const SEED = 12;
const LATE = 200;
const DURATIONS = { CHECK_DURATION_MS: '0', PAYMENT_DURATION_MS: '20', CALL_TIMEOUT_MS: '60000' };
const LONG = { timeout: 600_000 };

scene(
  `${ORDERS} orders over two replicas of each service, hung up around their commit`,
  'charged are those that were processed, to the order',
  async ({ skip }) => {
    skip(!postgresVersion, MISSING);
    await using server = await startPostgres();
    await using pool = createPool(server.url, { maxConnections: 1 });
    await using system = await startReplicas(server.url, DURATIONS);
    const { order, payment } = system;
    const ids = Array.from({ length: ORDERS }, (_, index) => `race-${index}`);
    const momentsMs = fc.sample(fc.noBias(fc.nat(150)), { numRuns: ORDERS, seed: SEED });
    const waiting = ids.map((orderID, index) => ({ orderID, momentMs: momentsMs[index] }));
    await Promise.all(
      Array.from({ length: LANES }, async () => {
        for (let next = waiting.pop(); next; next = waiting.pop()) {
          const { answer, hangUp } = send(`${order.url}/order?orderID=${next.orderID}`);
          const leaving = setTimeout(hangUp, next.momentMs);
          await answer.catch(() => {});
          clearTimeout(leaving);
        }
      }),
    );
    const said = (msg: RegExp) =>
      order.all.flatMap(({ lines }) => lines.filter((line) => msg.test(line.msg)));
    const idsOf = (lines: LogLine[]) => new Set(lines.map(({ orderID }) => orderID));
    // One whose caller left before it was on record has an end and no beginning.
    await until('the end of every order', async () => {
      const ended = idsOf(said(/^Order (successfully|canceled)/));
      return [...idsOf(said(/^Placing order/))].every((id) => ended.has(id)) || undefined;
    });
    await settled(pool);
    const processed = idsOf(said(/^Order successfully/));
    const canceled = idsOf(said(/^Order canceled/));
    const { rows } = await pool.query("select order_id from payments where status = 'processed'");
    expect(new Set(rows.map(({ order_id }) => order_id))).toEqual(processed);
    expect(rows).toHaveLength(processed.size);
    const { rows: voided } = await pool.query('select 1 from payments where status = $1', [
      'voided',
    ]);
    const elsewhere = payment.all
      .flatMap(({ lines }) => lines)
      .filter(({ cause }) => cause === 'voided');
    return `${processed.size} processed, ${canceled.size} canceled, ${rows.length} charged, ${voided.length} payments voided, ${elsewhere.length} stopped by a void: 0 breaches`;
  },
  LONG,
);

scene(
  `${LATE} payments are voided, payment-service is killed and started, and they arrive only then`,
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

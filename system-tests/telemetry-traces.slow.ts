import { writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { type Pending, send } from '../harness/client.ts';
import { type OtlpReceiver, startOtlpReceiver } from '../harness/otlp-receiver.ts';
import { postgresVersion, startPostgres } from '../harness/postgres.ts';
import { type System, startSystem } from '../harness/system.ts';
import { until } from '../harness/until.ts';
import { createPool } from '../postgres/src/index.ts';
import { drawTrace } from './support/draw-trace.ts';
import { runWithTelemetry } from './support/node-versions.ts';
import { scene } from './support/scene.ts';
import { traceOf, tree } from './support/trace.ts';

const PAYMENT_MS = 3_000;

/** Where the canceled order's trace is to be drawn. */
const { TRACE_PICTURE } = process.env;

const AT_WORK = `
  select 1 from pg_stat_activity
  where state = 'active' and query like '%pg_sleep($2)%' and pid <> pg_backend_pid()`;

for (const major of ['20', '26']) {
  scene(
    `a processed, a canceled, a late and a failed order on Node ${major}, with an OTLP receiver`,
    'a trace each: no 200 and no error for a hang-up, an error with its cause for the others',
    async ({ skip }) => {
      const run = await runWithTelemetry(major);
      skip(!run, `npm cannot install node@${major}`);
      await using receiver = await startOtlpReceiver();
      const durations = { CHECK_DURATION_MS: '0', PAYMENT_DURATION_MS: String(PAYMENT_MS) };
      await using system = await startSystem({ ...otlp(receiver), ...durations }, run);

      const processed = await place(system, receiver, 5);
      expect(tree(processed)).toEqual([
        'order-service server GET /order unset 200',
        '  order-service client GET unset 200',
        '    inventory-service server GET /check unset 200',
        '  order-service client POST unset 200',
        '    payment-service server POST /pay unset 200',
      ]);

      const canceled = await place(system, receiver, 8, {}, async (pending) => {
        await system.payment.arrival(pending.requestId);
        if (TRACE_PICTURE) await sleep(PAYMENT_MS / 2); // Or there would be little to see.
        pending.hangUp();
      });
      expect(tree(canceled)).toEqual([
        'order-service server GET /order unset client-disconnected',
        '  order-service client GET unset 200',
        '    inventory-service server GET /check unset 200',
        '  order-service client POST unset client-disconnected',
        '    payment-service server POST /pay unset client-disconnected',
        '  order-service internal void payment unset link to client POST',
        '    order-service client POST unset 200',
        '      payment-service server POST /void unset 200',
      ]);
      const [before] = processed.filter(({ name }) => name === 'POST /pay');
      const [after] = canceled.filter(({ name }) => name === 'POST /pay');
      const usualMs = Number(before?.endMs) - Number(before?.startMs);
      const { 'cancellation.elapsed_ms': elapsedMs, 'cancellation.saved_ms': savedMs } =
        after?.attributes ?? {};
      // What it took and what it saved is what it would have taken.
      expect(Math.abs(Number(elapsedMs) + Number(savedMs) - usualMs)).toBeLessThan(50);
      if (TRACE_PICTURE) await writeFile(TRACE_PICTURE, drawTrace(canceled));

      const budget = { 'x-envoy-expected-rq-timeout-ms': String(PAYMENT_MS / 2) };
      const late = await place(system, receiver, 8, budget);
      const [root, , , pay, paid] = tree(late);
      // Whichever timer was first: the payment's 408 may come before the order's own deadline.
      expect(root).toMatch(
        /^order-service server GET \/order error 500 (deadline-exceeded )?error deadline-exceeded$/,
      );
      expect(pay).toMatch(
        /^ {2}order-service client POST error (deadline-exceeded error deadline-exceeded|408 error 408)$/,
      );
      expect(paid).toMatch(
        /^ {4}payment-service server POST \/pay (unset client-disconnected|error (408 )?deadline-exceeded error deadline-exceeded)$/,
      );
      expect(late[0]?.statusMessage).toBe('Payment processing failed: deadline exceeded');

      await system.payment[Symbol.asyncDispose]();
      const failed = await place(system, receiver, 4);
      expect(tree(failed)).toEqual([
        'order-service server GET /order error 500 error unreachable',
        '  order-service client GET unset 200',
        '    inventory-service server GET /check unset 200',
        expect.stringMatching(/^ {2}order-service client POST error error ECONN(REFUSED|RESET)$/),
      ]);

      for (const service of [system.order, system.inventory]) {
        expect(service.stderr).toBe('');
      }
      return [processed, canceled, late, failed]
        .map(([root]) => tree([root ?? never()])[0])
        .join('; ');
    },
  );
}

scene(
  'a client hangs up while the inventory service asks its database',
  'the statement and its cancel are spans of the order, and none of them is an error',
  async ({ skip }) => {
    skip(!postgresVersion, 'PostgreSQL is not installed');
    const run = await runWithTelemetry(process.versions.node.split('.')[0] ?? '');
    await using receiver = await startOtlpReceiver();
    await using server = await startPostgres();
    await using pool = createPool(server.url, { maxConnections: 1 });
    const env = { ...otlp(receiver), DATABASE_URL: server.url, CHECK_DURATION_MS: '30000' };
    await using system = await startSystem(env, run);
    for (const service of [system.order, system.inventory]) {
      await service.waitFor({ msg: 'Database available' });
    }
    const spans = await place(system, receiver, 7, {}, async (pending) => {
      await until('the statement at work', async () => (await pool.query(AT_WORK)).rows[0]);
      pending.hangUp();
    });
    expect(tree(spans)).toEqual([
      'order-service server GET /order unset client-disconnected',
      '  order-service client INSERT unset',
      '  order-service client GET unset client-disconnected',
      '    inventory-service server GET /check unset client-disconnected',
      '      inventory-service client SELECT unset client-disconnected',
      '        inventory-service client CANCEL unset',
      '  order-service client DELETE unset',
    ]);
    return tree(spans)
      .map((line) => line.trim())
      .join('; ');
  },
);

scene(
  'SIGTERM right after an order, with an hour until spans are sent',
  'they are sent before the process ends, and it ends with 0',
  async () => {
    const run = await runWithTelemetry(process.versions.node.split('.')[0] ?? '');
    await using receiver = await startOtlpReceiver();
    const durations = { CHECK_DURATION_MS: '0', PAYMENT_DURATION_MS: '0' };
    const late = { OTEL_BSP_SCHEDULE_DELAY: '3600000' };
    await using system = await startSystem({ ...otlp(receiver), ...late, ...durations }, run);
    const { order } = system;
    expect((await send(`${order.url}/order`).answer).status).toBe(200);
    expect(receiver.spans.items).toEqual([]);
    order.signal('SIGTERM');
    expect(await order.exited).toEqual({ code: 0, signal: null });
    expect(receiver.spans.items.map(({ name }) => name)).toEqual(['GET', 'POST', 'GET /order']);
    return `${receiver.spans.items.length} spans, exit code 0`;
  },
);

function otlp(receiver: OtlpReceiver): Record<string, string> {
  return {
    OTEL_TRACES_EXPORTER: 'otlp',
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${receiver.url}/v1/traces`,
    OTEL_BSP_SCHEDULE_DELAY: '50',
  };
}

/** Places an order; resolves with the spans of its trace, which its log lines name. */
async function place(
  { order, inventory, payment }: System,
  receiver: OtlpReceiver,
  howMany: number,
  headers: Record<string, string> = {},
  during: (pending: Pending) => Promise<void> = async () => {},
) {
  const pending = send(`${order.url}/order`, { headers });
  const { requestId } = pending;
  await during(pending);
  await pending.answer.catch(() => {});
  const { trace_id } = await order.verdict(requestId);
  const spans = await traceOf(receiver, trace_id, howMany);
  expect(spans).toHaveLength(howMany);
  const lines = [order, inventory, payment].flatMap((service) => service.find({ requestId }));
  expect(new Set(lines.map((line) => line.trace_id))).toEqual(new Set([trace_id]));
  const ids = new Set(spans.map(({ spanId }) => spanId));
  expect(lines.filter(({ span_id }) => !ids.has(String(span_id)))).toEqual([]);
  return spans;
}

function never(): never {
  throw new Error('a trace has a first span');
}

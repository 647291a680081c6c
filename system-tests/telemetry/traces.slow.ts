import { writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { send } from '../../harness/clients.ts';
import { startOtlpReceiver } from '../../harness/otlp-receiver.ts';
import { startSystem } from '../../harness/system.ts';
import { runWithTelemetry } from '../support/node-versions.ts';
import { scene } from '../support/scene.ts';
import { drawTrace } from './draw-trace.ts';
import { tree } from './trace.ts';
import { otlp, place } from './traced-order.ts';

const PAYMENT_MS = 3_000;

/** The file to draw the canceled order's trace into. */
const { TRACE_PICTURE } = process.env;

for (const major of ['20', '26']) {
  scene(
    `a processed, a canceled, a late and a failed order on Node ${major}, with an OTLP receiver`,
    'one trace each: no 200 and no error for a hang-up, an error with its cause for the late and the failed',
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
        if (TRACE_PICTURE) await sleep(PAYMENT_MS / 2); // Makes the canceled spans long enough to see.
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
      const { 'request_scope.elapsed_ms': elapsedMs, 'request_scope.saved_ms': savedMs } =
        after?.attributes ?? {};
      // Both together are the usual duration; a busy machine adds to either.
      const wholeMs = Number(elapsedMs) + Number(savedMs);
      expect(Math.abs(wholeMs - usualMs)).toBeLessThan(PAYMENT_MS / 2);
      if (TRACE_PICTURE) await writeFile(TRACE_PICTURE, drawTrace(canceled));

      const budget = { 'x-envoy-expected-rq-timeout-ms': String(PAYMENT_MS / 2) };
      const late = await place(system, receiver, 8, budget);
      const [root, , , pay, paid] = tree(late);
      // Either timer may fire first: the payment's 408 may come before the order's own deadline.
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
  'SIGTERM right after an order, with an hour between batches of spans',
  'the spans are sent before the process exits, with code 0',
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

function never(): never {
  throw new Error('a trace without spans');
}

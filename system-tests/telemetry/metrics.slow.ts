import fc from 'fast-check';
import { expect } from 'vitest';
import { send } from '../../harness/clients.ts';
import type { ServiceProcess } from '../../harness/service-process.ts';
import { startSystem } from '../../harness/system.ts';
import { until } from '../../harness/time.ts';
import { runWithTelemetry } from '../support/node-versions.ts';
import { scene } from '../support/scene.ts';
import { METRICS, scrape, sum } from './metrics.ts';

const ORDERS = 600;
const LANES = 100;
const SEED = 16;

for (const major of ['20', '26']) {
  scene(
    `${ORDERS} orders on Node ${major}; a third of the clients hang up at random moments`,
    'the metrics match the log exactly, and every gauge returns to 0',
    async ({ skip }) => {
      const run = await runWithTelemetry(major);
      skip(!run, `npm cannot install node@${major}`);
      const durations = { CHECK_DURATION_MS: '100', PAYMENT_DURATION_MS: '150' };
      await using system = await startSystem({ ...METRICS, ...durations }, run);
      const { order, inventory, payment } = system;
      const momentsMs = fc.sample(fc.noBias(fc.nat(400)), { numRuns: ORDERS, seed: SEED });
      const waiting = [...momentsMs.entries()];
      let received = 0;
      await Promise.all(
        Array.from({ length: LANES }, async () => {
          for (let next = waiting.pop(); next; next = waiting.pop()) {
            const [index, momentMs] = next;
            const { answer, hangUp } = send(`${order.url}/order?orderID=load-${index}`);
            const leaving = index % 3 === 0 ? setTimeout(hangUp, momentMs) : undefined;
            await answer.then(
              () => {
                received += 1;
              },
              () => {},
            );
            clearTimeout(leaving);
          }
        }),
      );
      const logged = (service: ServiceProcess, msg: RegExp) =>
        service.lines.filter((line) => msg.test(line.msg)).length;
      const placed = () => logged(order, /^Placing/);
      await until('the end of every order', async () => {
        const ended = logged(order, /^Order (successfully|canceled)/);
        return ended === placed() || undefined;
      });
      const services = system.all;
      await until('gauges at 0', async () => {
        const all = await Promise.all(services.map(scrape));
        const names = ['http_server_active_requests', 'orders_voids_open'];
        const open = all.flatMap((metrics) => names.map((name) => sum(metrics, name)));
        return open.every((count) => count === 0) || undefined;
      });
      const [orders, checks, payments] = await Promise.all([
        scrape(order),
        scrape(inventory),
        scrape(payment),
      ]);
      const canceled = logged(order, /^Order canceled/);
      const processed = logged(order, /^Order successfully/);
      const outcome = (name: string) =>
        sum(orders, 'orders_ended_total', `orders_outcome="${name}"`);
      expect({
        all: sum(orders, 'orders_ended_total'),
        processed: outcome('processed'),
        canceled: outcome('client-disconnected'),
        orders: sum(orders, 'request_scope_canceled_total'),
        checks: sum(checks, 'request_scope_canceled_total'),
        payments: sum(payments, 'request_scope_canceled_total'),
        measured: sum(orders, 'request_scope_work_after_abort_milliseconds_count'),
        served: sum(orders, 'http_server_request_duration_seconds_count'),
      }).toEqual({
        all: placed(),
        processed,
        canceled,
        orders: canceled,
        checks: logged(inventory, /canceled/),
        payments: logged(payment, /canceled/),
        measured: canceled,
        served: placed(),
      });
      // If a client leaves while its 200 is on the way, it may count either way.
      const name = 'http_server_request_duration_seconds_count';
      const with200 = sum(orders, name, 'http_response_status_code="200"');
      expect(with200).toBeGreaterThanOrEqual(received);
      expect(with200).toBeLessThanOrEqual(processed);
      expect(canceled).toBeGreaterThan(ORDERS / 10);
      expect(sum(orders, 'orders_voids_oldest_seconds')).toBe(0);
      const labels = [...orders.keys(), ...checks.keys(), ...payments.keys()].join();
      expect(labels).not.toMatch(/load-\d/);
      expect(order.lines.filter((line) => 'trace_id' in line)).toEqual([]);
      const afterMs = sum(orders, 'request_scope_work_after_abort_milliseconds_sum') / canceled;
      const savedMs = sum(orders, 'request_scope_saved_milliseconds_total');
      return `${processed} processed, ${canceled} canceled, ${Math.round(savedMs)} ms saved, ${afterMs.toFixed(2)} ms of work after an abort`;
    },
  );
}

import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { expect } from 'vitest';
import { paymentsOf, send } from '../harness/client.ts';
import { output } from '../harness/command.ts';
import { prometheusVersion, startPrometheus } from '../harness/prometheus.ts';
import { ROOT } from '../harness/repository.ts';
import type { ServiceProcess } from '../harness/service-process.ts';
import { startSystem } from '../harness/system.ts';
import { until } from '../harness/until.ts';
import { metricsUrl, scrape, sum } from './support/metrics.ts';
import { runWithTelemetry } from './support/node-versions.ts';
import { scene } from './support/scene.ts';

const ORDERS = 600;
const LANES = 100;
const SEED = 16;
const MISSING = 'Prometheus is not installed';
const METRICS = { OTEL_METRICS_EXPORTER: 'prometheus', OTEL_EXPORTER_PROMETHEUS_PORT: '0' };
const HOST = { OTEL_EXPORTER_PROMETHEUS_HOST: '127.0.0.1' };

for (const major of ['20', '26']) {
  scene(
    `${ORDERS} orders on Node ${major}, of which a third hang up at random moments`,
    'the metrics agree with the log to the order, and every gauge returns to 0',
    async ({ skip }) => {
      const run = await runWithTelemetry(major);
      skip(!run, `npm cannot install node@${major}`);
      const durations = { CHECK_DURATION_MS: '100', PAYMENT_DURATION_MS: '150' };
      await using system = await startSystem({ ...METRICS, ...HOST, ...durations }, run);
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
      const services = [order, inventory, payment];
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
        orders: sum(orders, 'cancellation_canceled_total'),
        checks: sum(checks, 'cancellation_canceled_total'),
        payments: sum(payments, 'cancellation_canceled_total'),
        measured: sum(orders, 'cancellation_work_after_abort_milliseconds_count'),
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
      // A client may leave while its 200 is on its way: that was sent or it was not.
      const name = 'http_server_request_duration_seconds_count';
      const with200 = sum(orders, name, 'http_response_status_code="200"');
      expect(with200).toBeGreaterThanOrEqual(received);
      expect(with200).toBeLessThanOrEqual(processed);
      expect(canceled).toBeGreaterThan(ORDERS / 10);
      expect(sum(orders, 'orders_voids_oldest_seconds')).toBe(0);
      const labels = [...orders.keys(), ...checks.keys(), ...payments.keys()].join();
      expect(labels).not.toMatch(/load-\d/);
      const afterMs = sum(orders, 'cancellation_work_after_abort_milliseconds_sum') / canceled;
      const savedMs = sum(orders, 'cancellation_saved_milliseconds_total');
      return `${processed} processed, ${canceled} canceled, ${Math.round(savedMs)} ms saved, ${afterMs.toFixed(2)} ms of work after an abort`;
    },
  );
}

scene(
  `${prometheusVersion ?? 'Prometheus'} asks the services for their metrics`,
  'it has an answer to the query of each panel, and every alert rule can be evaluated',
  async ({ skip }) => {
    skip(!prometheusVersion, MISSING);
    const run = await runWithTelemetry(process.versions.node.split('.')[0] ?? '');
    const durations = { CHECK_DURATION_MS: '0', PAYMENT_DURATION_MS: '300' };
    await using system = await startSystem({ ...METRICS, ...HOST, ...durations }, run);
    const { order, payment } = system;
    const targets: Record<string, string> = {};
    for (const service of [order, system.inventory, payment]) {
      targets[service.name] = new URL(await metricsUrl(service)).host;
    }
    await using prometheus = await startPrometheus(targets);
    const place = async (orderID: string) => {
      expect((await send(`${order.url}/order?orderID=${orderID}`).answer).status).toBe(200);
      const canceled = send(`${order.url}/order?orderID=${orderID}-canceled`);
      await payment.arrival(canceled.requestId);
      canceled.hangUp();
      await order.verdict(canceled.requestId);
      await until('the void', async () => {
        const [status] = await paymentsOf(`${orderID}-canceled`, payment.url);
        return status === 'voided' || undefined;
      });
    };
    await place('before');
    const panels: { title: string; targets: { expr: string }[] }[] = JSON.parse(
      await readFile(`${ROOT}telemetry/grafana/dashboards/cancellation.json`, 'utf8'),
    ).panels;
    const queries = panels.flatMap(({ title, targets }) =>
      targets.map(({ expr }) => ({ title, expr })),
    );
    // A rate needs two readings, between which something happens.
    let round = 0;
    for (const { title, expr } of queries) {
      await until(`an answer for "${title}": ${expr}`, async () => {
        const found = await prometheus.query(expr);
        if (found.length > 0 && found.every(({ value }) => value >= 0)) return true;
        round += 1;
        await place(`round-${round}`);
        return undefined;
      });
    }
    const evaluated = await until('every rule evaluated', async () => {
      const health = await prometheus.ruleHealth();
      return Object.values(health).includes('unknown') ? undefined : health;
    });
    expect(new Set(Object.values(evaluated))).toEqual(new Set(['ok']));
    expect(Object.keys(evaluated)).toHaveLength(5);
    return `${queries.length} queries of ${panels.length} panels answered, ${Object.keys(evaluated).length} rules ok`;
  },
);

scene(
  'promtool test rules: each alert with what should wake somebody, and with what should not',
  'it fires for the one and not for the other',
  async ({ skip }) => {
    skip(!prometheusVersion, MISSING);
    const cwd = `${ROOT}telemetry/prometheus`;
    const said = await output(['promtool', 'test', 'rules', 'alerts.test.yml'], { cwd });
    expect(said).toMatch(/SUCCESS$/);
    return said.replaceAll(/\s+/g, ' ');
  },
);

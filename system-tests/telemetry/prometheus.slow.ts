import { readFile } from 'node:fs/promises';
import { expect } from 'vitest';
import { paymentsOf, send } from '../../harness/clients.ts';
import { output } from '../../harness/command.ts';
import { prometheusVersion, startPrometheus } from '../../harness/prometheus.ts';
import { startSystem } from '../../harness/system.ts';
import { until } from '../../harness/time.ts';
import { ROOT } from '../../processes/repository.ts';
import { runWithTelemetry } from '../support/node-versions.ts';
import { scene } from '../support/scene.ts';
import { METRICS, metricsUrl } from './metrics.ts';

const MISSING = 'Prometheus is not installed';

scene(
  `${prometheusVersion ?? 'Prometheus'} scrapes the services`,
  'the query of each dashboard panel has a result, and every alert rule can be evaluated',
  async ({ skip }) => {
    skip(!prometheusVersion, MISSING);
    const run = await runWithTelemetry(process.versions.node.split('.')[0] ?? '');
    const durations = { CHECK_DURATION_MS: '0', PAYMENT_DURATION_MS: '300' };
    await using system = await startSystem({ ...METRICS, ...durations }, run);
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
      await order.outcome(canceled.requestId);
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
    // A rate needs two scrapes, with an order between them.
    let round = 0;
    for (const { title, expr } of queries) {
      await until(`a result for "${title}": ${expr}`, async () => {
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
    return `${queries.length} queries of ${panels.length} panels with a result, ${Object.keys(evaluated).length} rules ok`;
  },
);

scene(
  'promtool test rules: each alert, with series that should fire it and series that should not',
  'it fires for the former alone',
  async ({ skip }) => {
    skip(!prometheusVersion, MISSING);
    const cwd = `${ROOT}telemetry/prometheus`;
    const report = await output(['promtool', 'test', 'rules', 'alerts.test.yml'], { cwd });
    expect(report).toMatch(/SUCCESS$/);
    return report.replaceAll(/\s+/g, ' ');
  },
);

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { ROOT } from '../processes/repository.ts';
import { reservePorts } from './network.ts';
import { tether } from './tether.ts';
import { until } from './time.ts';

const { stdout: version } = spawnSync('prometheus', ['--version'], { encoding: 'utf8' });

/** The version of Prometheus; undefined if it is not installed. */
export const prometheusVersion = /prometheus, version [\d.]+/.exec(version ?? '')?.[0];

/** A series in the result of a query. */
export interface Series {
  metric: Record<string, string>;
  value: number;
}

export interface Prometheus extends AsyncDisposable {
  /** Runs a query. Rejects if its syntax is invalid. */
  query: (expression: string) => Promise<Series[]>;
  /** The health of each alert rule. */
  ruleHealth: () => Promise<Record<string, string>>;
}

/** Starts Prometheus with the project's alerts; it scrapes each service's `host:port` every 200 ms. */
export async function startPrometheus(targets: Record<string, string>): Promise<Prometheus> {
  const folder = await mkdtemp(join(tmpdir(), 'prometheus-'));
  await copyFile(`${ROOT}telemetry/prometheus/alerts.yml`, join(folder, 'alerts.yml'));
  const configs = Object.entries(targets).map(([service, target]) => ({
    targets: [target],
    labels: { service },
  }));
  // JSON is valid YAML.
  const config = {
    global: { scrape_interval: '200ms', evaluation_interval: '200ms' },
    rule_files: ['alerts.yml'],
    scrape_configs: [{ job_name: 'orders', scrape_timeout: '200ms', static_configs: configs }],
  };
  await writeFile(join(folder, 'prometheus.yml'), JSON.stringify(config));
  const { ports, release } = await reservePorts(1);
  await release();
  const url = `http://127.0.0.1:${ports[0]}`;
  const args = [
    `--config.file=${folder}/prometheus.yml`,
    `--storage.tsdb.path=${folder}/data`,
    `--web.listen-address=${url.replace('http://', '')}`,
  ];
  const stdio = ['ignore', 'ignore', 'pipe'] as const;
  const server = tether(spawn('prometheus', args, { stdio: [...stdio] }));
  const exited = once(server, 'exit');
  const log = text(server.stderr);
  const get = async (path: string) => {
    const { status, error, data } = Object(await (await fetch(url + path)).json());
    if (status !== 'success') throw new Error(`${path}: ${error}`);
    return data;
  };
  await until('Prometheus', async () => {
    if (server.exitCode !== null) throw new Error(`prometheus ended: ${await log}`);
    return (await fetch(`${url}/-/ready`).catch(() => undefined))?.ok || undefined;
  });
  return {
    async query(expression) {
      const { result } = await get(`/api/v1/query?query=${encodeURIComponent(expression)}`);
      return result.map(({ metric, value }: { metric: Series['metric']; value: string[] }) => ({
        metric,
        value: Number(value[1]),
      }));
    },
    async ruleHealth() {
      const { groups } = await get('/api/v1/rules');
      const rules: { name: string; health: string }[] = groups.flatMap(
        ({ rules }: { rules: [] }) => rules,
      );
      return Object.fromEntries(rules.map(({ name, health }) => [name, health]));
    },
    async [Symbol.asyncDispose]() {
      server.kill('SIGKILL');
      await exited;
      await rm(folder, { recursive: true });
    },
  };
}

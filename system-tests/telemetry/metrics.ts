import type { ServiceProcess } from '../../harness/service-process.ts';
import { until } from '../../harness/time.ts';

/** The environment of a service that serves its metrics on any free port. */
export const METRICS = {
  OTEL_METRICS_EXPORTER: 'prometheus',
  OTEL_EXPORTER_PROMETHEUS_HOST: '127.0.0.1',
  OTEL_EXPORTER_PROMETHEUS_PORT: '0',
};

/** The URL of a service's metrics, which it writes to stderr. */
export function metricsUrl(service: ServiceProcess): Promise<string> {
  const line = /^telemetry: metrics at (\S+)$/m;
  return until('the URL of the metrics', async () => line.exec(service.stderr)?.[1]);
}

/** The current value of each series of a service, by the series' name and labels. */
export async function scrape(service: ServiceProcess): Promise<Map<string, number>> {
  const page = await (await fetch(await metricsUrl(service))).text();
  const lines = page.split('\n').filter((line) => line && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const end = line.lastIndexOf(' ');
      return [line.slice(0, end), Number(line.slice(end + 1))];
    }),
  );
}

/** The sum of the series called `name` that have `label`. */
export function sum(metrics: Map<string, number>, name: string, label = ''): number {
  const series = [...metrics].filter(
    ([key]) => key.replace(/\{.*/, '') === name && key.includes(label),
  );
  return series.reduce((total, [, value]) => total + value, 0);
}

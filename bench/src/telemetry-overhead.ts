import { once } from 'node:events';
import { createServer } from 'node:http';
import { markdownTable } from 'markdown-table';
import { median } from 'simple-statistics';
import { portOf } from '../../harness/network.ts';
import { LOADER } from '../../processes/repository.ts';
import { CONTENDERS, OURS } from './contenders.ts';
import { load } from './measure.ts';
import { MeasuredProcess } from './measured-process.ts';

const OPTIONS = [...LOADER, '--import', '@orders/telemetry'];

/** Measures the cost of telemetry that is not loaded, loaded but off, and on, in alternating rounds of fresh processes. */
export async function telemetryOverhead(
  stubUrl: string,
  rounds: number,
  orders: number,
): Promise<string> {
  const receiver = createServer((req, res) => req.resume().once('end', () => res.end('{}')));
  await once(receiver.listen(0, '127.0.0.1'), 'listening');
  const endpoint = `http://127.0.0.1:${portOf(receiver)}`;
  const prometheus = {
    OTEL_METRICS_EXPORTER: 'prometheus',
    OTEL_EXPORTER_PROMETHEUS_PORT: '0',
  };
  const traces = { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${endpoint}/v1/traces` };
  const ratio = { OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.01' };
  const kinds: [string, string[], Record<string, string>][] = [
    ['not loaded', LOADER, {}],
    ['loaded, off', OPTIONS, {}],
    ['metrics', OPTIONS, prometheus],
    ['metrics, 1% of traces', OPTIONS, { ...prometheus, ...traces, ...ratio }],
    ['metrics, all traces', OPTIONS, { ...prometheus, ...traces }],
  ];
  const cpuUs = kinds.map((): number[] => []);
  try {
    for (let round = 0; round < rounds; round += 1) {
      for (const [index, [, options, env]] of kinds.entries()) {
        await using service = await MeasuredProcess.start(CONTENDERS[OURS], stubUrl, env, options);
        await load(service, orders);
        cpuUs[index]?.push((await load(service, orders * 2)).cpuUs);
      }
    }
  } finally {
    receiver.closeAllConnections();
    receiver.close();
  }
  const rows = kinds.map(([name], index) => {
    const all = cpuUs[index] ?? [];
    const ratios = all.map((cost, round) => cost / (cpuUs[0]?.[round] ?? Number.NaN));
    return [name, median(all).toFixed(0), median(ratios).toFixed(2)];
  });
  const head = ['telemetry costs', 'CPU µs/order', 'times'];
  return markdownTable([head, ...rows], { align: ['l', 'r', 'r'] });
}

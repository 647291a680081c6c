import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import type { ResourceMetrics } from '@opentelemetry/sdk-metrics';

/** The units that the specification puts into a metric's name for Prometheus; the exporter does not. */
const SUFFIXES: Record<string, string> = { s: '_seconds', ms: '_milliseconds' };

/** Reads the metrics for Prometheus. */
export function prometheusReader(): PrometheusExporter {
  return new PrometheusExporter({ preventServerStart: true });
}

/**
 * Answers `GET /metrics` with what `reader` finds, on a port of its own; resolves with the address. It
 * keeps no process alive.
 */
export async function servePrometheus(
  reader: PrometheusExporter,
  { host, port }: { host: string; port: number },
): Promise<string> {
  const serializer = new PrometheusSerializer(undefined, false, undefined, false, true);
  const server = createServer({ requestTimeout: 10_000 }, async (req, res) => {
    if (!/^\/metrics(\?|$)/.test(req.url ?? '')) return res.writeHead(404).end();
    // Once the service has drained, there is nothing more to read.
    const collected = await reader.collect().catch(() => undefined);
    if (!collected) return res.writeHead(503).end();
    res.setHeader('Content-Type', 'text/plain; version=0.0.4; charset=utf-8');
    return res.end(serializer.serialize(withUnits(collected.resourceMetrics)));
  });
  server.unref().on('connection', (socket) => socket.unref());
  await once(server.listen(port, host), 'listening');
  const address = server.address() as AddressInfo;
  return `http://${host}:${address.port}/metrics`;
}

function withUnits(resourceMetrics: ResourceMetrics): ResourceMetrics {
  const scopeMetrics = resourceMetrics.scopeMetrics.map((scope) => ({
    ...scope,
    metrics: scope.metrics.map((metric) => {
      const { name, unit, ...rest } = metric.descriptor;
      const descriptor = { ...rest, name: name + (SUFFIXES[unit] ?? ''), unit: '' };
      return { ...metric, descriptor };
    }),
  }));
  return { ...resourceMetrics, scopeMetrics };
}

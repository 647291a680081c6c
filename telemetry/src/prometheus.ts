import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import type { ResourceMetrics } from '@opentelemetry/sdk-metrics';
import { type AllowedHosts, refusalOf } from '@orders/chassis/callers';
import { createLimitedServer } from '@orders/chassis/limits';

/** The unit suffixes that OpenTelemetry's specification adds to a name for Prometheus, and the exporter leaves out. */
const SUFFIXES: Record<string, string> = { s: '_seconds', ms: '_milliseconds' };

/** A reader for servePrometheus. */
export function prometheusReader(): PrometheusExporter {
  return new PrometheusExporter({ preventServerStart: true });
}

/** The limit on concurrent connections; further ones are closed unread. */
const MAX_CONNECTIONS = 100;

/** The shortest time between the starts of two collections. Each blocks the service for 1 to 2 ms. */
const COLLECTION_INTERVAL_MS = 250;

const HEADERS = { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8' };

/**
 * Serves the metrics of `reader` as `GET /metrics` on a port of their own; resolves with the URL. Refuses
 * requests whose `Host` is not in `allowedHosts` and requests from pages of another origin. Closes the
 * connection of a client that pipelines. Does not keep the process alive.
 */
export async function servePrometheus(
  reader: PrometheusExporter,
  { host, port }: { host: string; port: number },
  allowedHosts?: AllowedHosts,
): Promise<string> {
  const collect = collector(reader);
  const server = createLimitedServer(async (req, res) => {
    if (!res.socket) return req.socket.destroy();
    const refusal = refusalOf(req, allowedHosts);
    if (refusal) return res.writeHead(refusal.status).end();
    if (!/^\/metrics(\?|$)/.test(req.url ?? '')) return res.writeHead(404).end();
    if (req.method !== 'GET' && req.method !== 'HEAD') {
      return res.writeHead(405, { Allow: 'GET, HEAD' }).end();
    }
    // After the service has drained, the reader is closed.
    const metrics = await collect().catch(() => undefined);
    return metrics ? res.writeHead(200, HEADERS).end(metrics) : res.writeHead(503).end();
  }, MAX_CONNECTIONS);
  server.unref().on('connection', (socket) => socket.unref());
  await once(server.listen(port, host), 'listening');
  const address = server.address() as AddressInfo;
  return `http://${host}:${address.port}/metrics`;
}

/** Collects the metrics as text for Prometheus. Requests that arrive before a collection is done share it. */
function collector(reader: PrometheusExporter): () => Promise<Buffer> {
  const serializer = new PrometheusSerializer(undefined, false, undefined, false, true);
  let pause = Promise.resolve();
  let current: Promise<Buffer> | undefined;
  const collect = async () => {
    await pause;
    pause = sleep(COLLECTION_INTERVAL_MS, undefined, { ref: false });
    const { resourceMetrics } = await reader.collect();
    return Buffer.from(serializer.serialize(withUnits(resourceMetrics)));
  };
  return () => {
    current ??= collect().finally(() => {
      current = undefined;
    });
    return current;
  };
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

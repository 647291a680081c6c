import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import type { ResourceMetrics } from '@opentelemetry/sdk-metrics';
import { type AllowedHosts, refusalOf } from '@orders/chassis/callers';
import { createLimitedServer } from '@orders/chassis/limits';

/** The units that the specification puts into a metric's name for Prometheus; the exporter does not. */
const SUFFIXES: Record<string, string> = { s: '_seconds', ms: '_milliseconds' };

/** Reads the metrics for Prometheus. */
export function prometheusReader(): PrometheusExporter {
  return new PrometheusExporter({ preventServerStart: true });
}

/** Connections at a time; one more is closed unread. */
const MAX_CONNECTIONS = 100;

/** From the beginning of a collection to that of the next: it takes a millisecond or two of the services'. */
const COLLECTION_INTERVAL_MS = 250;

const HEADERS = { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8' };

/**
 * Answers `GET /metrics` with what `reader` finds, on a port of its own, if the request names one of
 * `allowedHosts` and comes from no page of another origin; resolves with the address. A request that does
 * not wait for the answer before it closes its connection. It keeps no process alive.
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
    // Once the service has drained, there is nothing more to read.
    const metrics = await collect().catch(() => undefined);
    return metrics ? res.writeHead(200, HEADERS).end(metrics) : res.writeHead(503).end();
  }, MAX_CONNECTIONS);
  server.unref().on('connection', (socket) => socket.unref());
  await once(server.listen(port, host), 'listening');
  const address = server.address() as AddressInfo;
  return `http://${host}:${address.port}/metrics`;
}

/**
 * Collects what `reader` finds, as text for Prometheus: one collection at a time, shared by all who ask
 * before it is done, and a pause between two.
 */
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

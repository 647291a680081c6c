import { setTimeout as sleep } from 'node:timers/promises';
import { format } from 'node:util';
import { DiagLogLevel, diag, metrics, trace } from '@opentelemetry/api';
import { setGlobalErrorHandler, W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import type { Resource } from '@opentelemetry/resources';
import {
  type IMetricReader,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import type { Drained } from '@orders/chassis';
import { readAllowedHosts } from '@orders/chassis/callers';
import { codeLabel, observe } from 'request-scope-otel';
import { watchCalls } from './calls.ts';
import { listen, runUnderSpan } from './channels.ts';
import type { Config } from './config.ts';
import { currentRequest, shareContexts } from './context.ts';
import { createInstruments } from './instruments.ts';
import { setFailure } from './labels.ts';
import { addTraceIds } from './log-lines.ts';
import { prometheusReader, servePrometheus } from './prometheus.ts';
import { watchRequests } from './requests.ts';
import { describeService, startServiceTelemetry } from './service.ts';
import { watchStatements } from './statements.ts';

/** How long an exiting service waits until its last spans and metrics are sent. */
const FLUSH_TIMEOUT_MS = 2_000;

const NAME = '@orders/telemetry';

const MAX_LINES = 100;
const written = new Set<string>();

/** Writes to stderr, since stdout is for log lines. An error that persists is written once. */
const write = (...words: unknown[]): void => {
  const line = `telemetry: ${format(...words)}\n`;
  if (written.has(line)) return;
  if (written.size >= MAX_LINES) written.clear();
  written.add(line);
  process.stderr.write(line);
};
const toStderr = { error: write, warn: write, info: write, debug: write, verbose: write };

/** Makes spans and metrics of the diagnostics channels of the service and its libraries, and exports them. */
export async function start(config: Config): Promise<void> {
  process.stderr.on('error', () => {}); // A closed pipe or a full disk must not end the service.
  diag.setLogger(toStderr, DiagLogLevel.WARN);
  setGlobalErrorHandler((error) => write(error instanceof Error ? error.message : error));
  const resource = describeService();
  const prometheus = config.prometheus && prometheusReader();
  const tracers = config.sendsTraces ? tracerProvider(resource, config) : undefined;
  const readers: IMetricReader[] = prometheus ? [prometheus] : [];
  if (config.sendsMetrics) {
    const exporter = new OTLPMetricExporter();
    const exportIntervalMillis = config.metricsEveryMs;
    readers.push(new PeriodicExportingMetricReader({ exporter, exportIntervalMillis }));
  }
  const meters = new MeterProvider({ resource, readers });
  shareContexts();
  if (tracers) trace.setGlobalTracerProvider(tracers);
  metrics.setGlobalMeterProvider(meters);

  const tracer = trace.getTracer(NAME);
  const tracing = tracers && { tracer, propagator: new W3CTraceContextPropagator() };
  const meter = meters.getMeter(NAME);
  const instruments = createInstruments(meter);
  observe({ meter });
  const endRequests = watchRequests(tracing, meter, instruments);
  watchCalls(tracing, instruments);
  watchStatements(tracing, instruments);
  if (tracing) addTraceIds(config.traceUrl);
  const helpers = { listen, runUnderSpan, currentRequest, codeLabel, setFailure };
  await startServiceTelemetry({ tracer, meter, ...helpers });

  listen<Drained>('chassis:drained', ({ waitFor }) => {
    endRequests();
    const sent = Promise.all([tracers?.shutdown(), meters.shutdown()]);
    waitFor.push(Promise.race([sent, sleep(FLUSH_TIMEOUT_MS, undefined, { ref: false })]));
  });

  if (config.prometheus && prometheus) {
    const allowedHosts = readAllowedHosts(process.env, config.prometheus.host);
    await servePrometheus(prometheus, config.prometheus, allowedHosts).then(
      (url) => write(`metrics at ${url}`),
      ({ message }: Error) => write(`no metrics for Prometheus, ${message}`),
    );
  }
}

function tracerProvider(resource: Resource, { sampledRatio, spansEveryMs }: Config) {
  const exporter = new OTLPTraceExporter();
  return new TracerProvider({
    resource,
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(sampledRatio) }),
    spanProcessors: [new BatchSpanProcessor({ exporter, scheduledDelayMillis: spansEveryMs })],
  });
}

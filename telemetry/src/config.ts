/** The settings of telemetry, from OpenTelemetry's standard variables. */
export interface Config {
  sendsTraces: boolean;
  /** By OTLP. */
  sendsMetrics: boolean;
  /** The address at which Prometheus scrapes the metrics, if it does. */
  prometheus: { host: string; port: number } | undefined;
  /** The share of traces beginning here that are sent, from 0 to 1. */
  sampledRatio: number;
  spansEveryMs: number;
  metricsEveryMs: number;
  /** The address of a trace, up to its id. */
  traceUrl: string | undefined;
}

const PROMETHEUS_PORT = 9464;

/**
 * Reads the variables of OpenTelemetry's specification; returns undefined if they ask for nothing. An
 * endpoint selects OTLP, unless `OTEL_TRACES_EXPORTER` or `OTEL_METRICS_EXPORTER` selects otherwise.
 */
export function readConfig(env: NodeJS.ProcessEnv): Config | undefined {
  if (env.OTEL_SDK_DISABLED?.trim().toLowerCase() === 'true') return undefined;
  const exporters = (signal: 'TRACES' | 'METRICS'): string[] => {
    const endpoint =
      env.OTEL_EXPORTER_OTLP_ENDPOINT || env[`OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`];
    const named = env[`OTEL_${signal}_EXPORTER`] || (endpoint ? 'otlp' : 'none');
    return named.split(',').map((name) => name.trim());
  };
  const metrics = exporters('METRICS');
  const config = {
    sendsTraces: exporters('TRACES').includes('otlp'),
    sendsMetrics: metrics.includes('otlp'),
    prometheus: metrics.includes('prometheus') ? prometheusAddress(env) : undefined,
    sampledRatio: exporters('TRACES').includes('otlp') ? sampledRatio(env) : 0,
    spansEveryMs: milliseconds(env.OTEL_BSP_SCHEDULE_DELAY, 5_000),
    metricsEveryMs: milliseconds(env.OTEL_METRIC_EXPORT_INTERVAL, 60_000),
    traceUrl: env.TRACE_URL || undefined,
  };
  const { sendsTraces, sendsMetrics, prometheus } = config;
  return sendsTraces || sendsMetrics || prometheus ? config : undefined;
}

/** As the specification requires, a value that is not a number counts as absent. */
function milliseconds(value: string | undefined, fallbackMs: number): number {
  return value && /^\d{1,9}$/.test(value) && Number(value) > 0 ? Number(value) : fallbackMs;
}

function prometheusAddress(env: NodeJS.ProcessEnv) {
  const port = env.OTEL_EXPORTER_PROMETHEUS_PORT?.trim();
  return {
    host: env.OTEL_EXPORTER_PROMETHEUS_HOST || 'localhost',
    port: port && /^\d{1,5}$/.test(port) ? Number(port) : PROMETHEUS_PORT,
  };
}

/** The share for traces that begin here; every sampler but these two means all of them. */
function sampledRatio(env: NodeJS.ProcessEnv): number {
  const sampler = env.OTEL_TRACES_SAMPLER ?? '';
  if (/(^|_)always_off$/.test(sampler)) return 0;
  if (!/(^|_)traceidratio$/.test(sampler)) return 1;
  const ratio = Number(env.OTEL_TRACES_SAMPLER_ARG || 1);
  return ratio >= 0 && ratio <= 1 ? ratio : 1;
}

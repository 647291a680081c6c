/** What the standard variables ask for. */
export interface Config {
  /** Whether spans are sent, by OTLP. */
  sendsTraces: boolean;
  /** Whether metrics are sent, by OTLP. */
  sendsMetrics: boolean;
  /** Where Prometheus finds them; undefined: nowhere. */
  prometheus: { host: string; port: number } | undefined;
  /** How much of the traces that begin here is sent, from 0 to 1. */
  sampledRatio: number;
  /** How long spans, and metrics, wait to be sent together. */
  spansEveryMs: number;
  metricsEveryMs: number;
  /** Where a person finds a trace, before its id. */
  traceUrl: string | undefined;
}

const PROMETHEUS_PORT = 9464;

/**
 * What `env` asks for, in the variables that OpenTelemetry's specification names; undefined if that is
 * nothing. An endpoint asks for OTLP; `OTEL_TRACES_EXPORTER` and `OTEL_METRICS_EXPORTER` say more.
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

/** What is no number is as good as absent, as the specification wants it. */
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

/** A caller's decision is followed either way: every sampler but these two means all. */
function sampledRatio(env: NodeJS.ProcessEnv): number {
  const sampler = env.OTEL_TRACES_SAMPLER ?? '';
  if (/(^|_)always_off$/.test(sampler)) return 0;
  if (!/(^|_)traceidratio$/.test(sampler)) return 1;
  const ratio = Number(env.OTEL_TRACES_SAMPLER_ARG || 1);
  return ratio >= 0 && ratio <= 1 ? ratio : 1;
}

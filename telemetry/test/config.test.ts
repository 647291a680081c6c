import { expect, test } from 'vitest';
import { readConfig } from '../src/config.ts';

test.each([
  ['nothing', {}],
  ['a service name alone', { OTEL_SERVICE_NAME: 'order-service' }],
  ['no exporters', { OTEL_TRACES_EXPORTER: 'none', OTEL_METRICS_EXPORTER: 'none' }],
  [
    'an endpoint, and no exporters',
    {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://localhost:4318',
      OTEL_TRACES_EXPORTER: 'none',
      OTEL_METRICS_EXPORTER: 'none',
    },
  ],
  [
    'an endpoint, but to disable the SDK',
    {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://localhost:4318',
      OTEL_SDK_DISABLED: 'true',
    },
  ],
  ['an empty endpoint, which Compose passes on', { OTEL_EXPORTER_OTLP_ENDPOINT: '' }],
])('is off if the variables name %s', (_what, env) => {
  expect(readConfig(env)).toBeUndefined();
});

test('an endpoint turns on traces and metrics', () => {
  const config = readConfig({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://localhost:4318' });
  expect(config).toMatchObject({ sendsTraces: true, sendsMetrics: true, prometheus: undefined });
});

test('an endpoint for traces does not turn on metrics', () => {
  const config = readConfig({
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://localhost:4318/v1/traces',
  });
  expect(config).toMatchObject({ sendsTraces: true, sendsMetrics: false });
});

test('Prometheus has its own port, and OTLP may be on as well', () => {
  const config = readConfig({ OTEL_METRICS_EXPORTER: 'otlp, prometheus' });
  const prometheus = { host: 'localhost', port: 9464 };
  expect(config).toMatchObject({ sendsTraces: false, sendsMetrics: true, prometheus });
});

test.each([
  ['always_on', undefined, 1],
  ['parentbased_always_off', undefined, 0],
  ['traceidratio', '0.25', 0.25],
  ['parentbased_traceidratio', 'half', 1],
])('samples %s of %s: %d', (sampler, argument, ratio) => {
  const env = { OTEL_TRACES_EXPORTER: 'otlp', OTEL_TRACES_SAMPLER: sampler };
  const config = readConfig(argument ? { ...env, OTEL_TRACES_SAMPLER_ARG: argument } : env);
  expect(config?.sampledRatio).toBe(ratio);
});

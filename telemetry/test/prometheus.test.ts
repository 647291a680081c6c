import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { expect, test } from 'vitest';
import { prometheusReader, servePrometheus } from '../src/prometheus.ts';

test('names a unit where the conventions do, and answers 503 once there is nothing to read', async () => {
  const reader = prometheusReader();
  const meters = new MeterProvider({ readers: [reader] });
  const url = await servePrometheus(reader, { host: 'localhost', port: 0 });
  meters.getMeter('test').createHistogram('work', { unit: 's' }).record(1);
  const answer = await fetch(url);
  expect(answer.status).toBe(200);
  expect(await answer.text()).toMatch(/^work_seconds_count 1$/m);
  await meters.shutdown();
  expect((await fetch(url)).status).toBe(503);
});

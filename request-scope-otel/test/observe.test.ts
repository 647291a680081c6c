import { setTimeout as sleep } from 'node:timers/promises';
import { context, createContextKey, diag, SpanStatusCode } from '@opentelemetry/api';
import { ClientDisconnected, Scope, withTimeout } from 'request-scope';
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { observe } from '../src/index.ts';
import { Metrics, type Routed, serve, type Tracing, tracing, useContexts } from './traced.ts';

let metrics: Metrics;
let traced: Tracing;
let stop: () => void;

useContexts();

beforeEach(() => {
  metrics = new Metrics();
  traced = tracing();
  stop = observe({ meter: metrics.meter });
  onTestFinished(stop);
});

const until = (signal: AbortSignal) => sleep(60_000, undefined, { signal });
const canceledFor = (cause: string) => [{ value: 1, labels: { 'request_scope.cause': cause } }];

test('a hang-up is counted by its cause, which is on the span, and is no error', async () => {
  using served = await serve(traced, async ({ signal }) => {
    hangUp();
    await until(signal);
  });
  const hangUp = served.send();
  await served.over;
  expect(await metrics.read('request_scope.canceled')).toEqual(canceledFor('client-disconnected'));
  expect(await metrics.read('request_scope.work_after_abort')).toEqual([{ value: 1, labels: {} }]);
  const { server } = traced.spans;
  expect(server?.status.code).toBe(SpanStatusCode.UNSET);
  expect(server?.attributes['request_scope.cause']).toBe('client-disconnected');
  expect(server?.attributes['request_scope.elapsed_ms']).toBeGreaterThanOrEqual(0);
});

test('a deadline is an error of the span', async () => {
  using served = await serve(traced, ({ signal }) => until(signal));
  served.send({ 'x-envoy-expected-rq-timeout-ms': '20' });
  await served.over;
  const { server } = traced.spans;
  expect(server?.status).toEqual({ code: SpanStatusCode.ERROR, message: 'deadline exceeded' });
  expect(server?.attributes['error.type']).toBe('deadline-exceeded');
});

test('a call past its own timeout counts, and the request stays as it was', async () => {
  using served = await serve(traced, (scope) =>
    withTimeout(scope, 1, (call) => until(call.signal)),
  );
  served.send();
  await served.over;
  expect(await metrics.read('request_scope.canceled')).toEqual(canceledFor('deadline-exceeded'));
  expect(traced.spans.server?.attributes).not.toHaveProperty('request_scope.cause');
});

test('a call that is aborted with its request is not counted again', async () => {
  using served = await serve(traced, (scope) => {
    hangUp();
    return withTimeout(scope, 60_000, (call) => until(call.signal));
  });
  const hangUp = served.send();
  await served.over;
  expect(await metrics.read('request_scope.canceled')).toEqual(canceledFor('client-disconnected'));
});

test('the time saved is what requests to the route usually take, minus what this one took', async () => {
  const route = (req: Routed) => {
    req.route = { path: '/report' };
  };
  using before = await serve(traced, async (_scope, req) => {
    route(req);
    await sleep(100);
  });
  before.send();
  await before.over;
  using served = await serve(traced, async ({ signal }, req) => {
    route(req);
    hangUp();
    await until(signal);
  });
  const hangUp = served.send();
  await served.over;
  const saved = traced.spans.server?.attributes['request_scope.saved_ms'];
  expect(saved).toBeGreaterThanOrEqual(0);
  const labels = { 'request_scope.cause': 'client-disconnected', 'http.route': '/report' };
  expect(await metrics.read('request_scope.saved')).toEqual([{ value: saved, labels }]);
});

test("a request's span is the one that stock instrumentation names", async () => {
  const span = traced.tracer.startSpan('named');
  const key = createContextKey('OpenTelemetry SDK Context Key RPC_METADATA');
  const named = context.active().setValue(key, { span });
  using served = await serve(traced, async () => {}, {
    around: (open) => context.with(named, open),
  });
  served.send({ 'x-envoy-expected-rq-timeout-ms': '0' });
  await served.over;
  span.end();
  expect(traced.spans.named?.attributes['request_scope.cause']).toBe('deadline-exceeded');
  expect(traced.spans.server?.attributes).not.toHaveProperty('request_scope.cause');
});

test('a scope without a request is not counted', async () => {
  using scope = new Scope(60_000);
  using child = scope.child(60_000);
  scope.abort(new ClientDisconnected());
  expect(child.signal.aborted).toBe(true);
  expect(await metrics.read('request_scope.canceled')).toEqual([]);
});

test('nothing is counted once it has been stopped', async () => {
  stop();
  using served = await serve(traced, async ({ signal }) => {
    hangUp();
    await until(signal);
  });
  const hangUp = served.send();
  await served.over;
  expect(await metrics.read('request_scope.canceled')).toEqual([]);
});

test('a metric that cannot be recorded ends neither the request nor the process', async () => {
  const report = vi.spyOn(diag, 'error').mockReturnValue();
  onTestFinished(() => report.mockRestore());
  const meter = Object.assign(Object.create(metrics.meter), {
    createCounter: () => {
      throw new Error('no more metrics');
    },
  });
  onTestFinished(observe({ meter }));
  using served = await serve(traced, ({ signal }) => until(signal));
  served.send({ 'x-envoy-expected-rq-timeout-ms': '20' });
  await served.over;
  expect(report.mock.calls).toEqual([
    ['request-scope-otel: request-scope:aborted', new Error('no more metrics')],
    ['request-scope-otel: request-scope:ended', new Error('no more metrics')],
  ]);
});

import { once } from 'node:events';
import { context, type Span, SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { GracefulShutdown } from 'request-scope';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { CancellationSpanProcessor } from '../src/index.ts';
import { serve, type Tracing, tracing, useContexts } from './traced.ts';

let traced: Tracing;

useContexts();

beforeEach(() => {
  const processor = new CancellationSpanProcessor();
  traced = tracing(processor);
  onTestFinished(() => traced.provider.shutdown());
});

const startCall = (name = 'call') =>
  traced.tracer.startSpan(name, { kind: SpanKind.CLIENT }, context.active());

/** What stock instrumentation does with the error of a call. */
function fail(span: Span, error: unknown): void {
  const { name, code = name, message } = Object(error);
  span.setAttribute('error.type', code);
  span.recordException({ name: code, message, stack: `${name}: ${message}\n at` });
  span.setStatus({ code: SpanStatusCode.ERROR, message });
  span.end();
}

/** The spans after a hang-up, during which a call is under way that fails with `toError(reason)`. */
async function hangUpDuring(toError: (reason: unknown) => unknown) {
  using served = await serve(traced, async ({ signal }) => {
    const call = startCall();
    hangUp();
    await once(signal, 'abort');
    fail(call, toError(signal.reason));
    startCall('undo').end();
  });
  const hangUp = served.send();
  await served.over;
  return traced.spans;
}

test('a call that a hang-up aborts is no error, and has the cause', async () => {
  const { call, server } = await hangUpDuring((reason) => reason);
  expect(call?.status).toEqual({ code: SpanStatusCode.UNSET });
  expect(call?.attributes).toEqual({ 'request_scope.cause': 'client-disconnected' });
  expect(call?.events).toEqual([]);
  expect(server?.attributes['request_scope.cause']).toBe('client-disconnected');
});

test('a request whose client hung up has no status code', async () => {
  const { server } = await hangUpDuring((reason) => reason);
  expect(server?.attributes).not.toHaveProperty('http.response.status_code');
});

test('a bug after the hang-up stays an error', async () => {
  const { call } = await hangUpDuring(() => new TypeError('x is not a function'));
  expect(call?.status.code).toBe(SpanStatusCode.ERROR);
  expect(call?.attributes['error.type']).toBe('TypeError');
  expect(call?.events).toHaveLength(1);
});

test('a call that begins after the hang-up has no cause', async () => {
  const { undo } = await hangUpDuring((reason) => reason);
  expect(undo?.attributes).toEqual({});
});

test('a call that had failed before the hang-up stays an error', async () => {
  using served = await serve(traced, async ({ signal }) => {
    const call = startCall().setStatus({ code: SpanStatusCode.ERROR, message: 'no stock' });
    hangUp();
    await once(signal, 'abort');
    call.end();
  });
  const hangUp = served.send();
  await served.over;
  expect(traced.spans.call?.status.message).toBe('no stock');
});

test('a call that a deadline aborts stays an error', async () => {
  using served = await serve(traced, async ({ signal }) => {
    const call = startCall();
    await once(signal, 'abort');
    fail(call, signal.reason);
  });
  served.send({ 'x-envoy-expected-rq-timeout-ms': '20' });
  await served.over;
  const { call, server } = traced.spans;
  expect(call?.status.code).toBe(SpanStatusCode.ERROR);
  expect(call?.attributes).toMatchObject({ 'error.type': 'deadline-exceeded' });
  expect(server?.attributes['http.response.status_code']).toBe(200);
});

test('a shutdown is no error, and the status that was sent stays', async () => {
  const shutdown = new GracefulShutdown();
  using served = await serve(
    traced,
    async ({ signal }) => {
      shutdown.drain(0);
      await once(signal, 'abort');
    },
    { shutdown },
  );
  served.send();
  await served.over;
  const { server } = traced.spans;
  expect(server?.attributes).toMatchObject({
    'request_scope.cause': 'shutting-down',
    'http.response.status_code': 200,
  });
});

test('another request under way is left alone', async () => {
  using other = await serve(traced, async () => {
    const call = startCall('other');
    await hangUpDuring((reason) => reason);
    fail(call, new Error('no stock'));
  });
  other.send();
  await other.over;
  expect(traced.spans.other?.status.code).toBe(SpanStatusCode.ERROR);
  expect(traced.spans.other?.attributes).toEqual({ 'error.type': 'Error' });
});

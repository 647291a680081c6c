import { channel } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { createServer, request as httpRequest } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { diag } from '@opentelemetry/api';
import { causeOf, GracefulShutdown, requestScope } from 'request-scope';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { portOf } from '../../harness/network.ts';
import { type OtlpReceiver, startOtlpReceiver } from '../../harness/otlp-receiver.ts';
import { readConfig } from '../src/config.ts';
import { start } from '../src/start.ts';

let receiver: OtlpReceiver;

beforeAll(async () => {
  receiver = await startOtlpReceiver();
  process.env.OTEL_EXPORTER_OTLP_ENDPOINT = receiver.url;
  const config = readConfig({
    OTEL_TRACES_EXPORTER: 'otlp',
    OTEL_BSP_SCHEDULE_DELAY: '10',
  });
  if (!config) throw new Error('telemetry is off');
  await start(config);
});
afterAll(() => receiver[Symbol.asyncDispose]());

/** Serves `url` with work that ends when its scope does; each request has a child of `timeoutMs`. */
async function serve(timeoutMs: number, shutdown = new GracefulShutdown()) {
  const server = createServer(async (req, res) => {
    using scope = requestScope(req, res, { shutdown });
    using child = scope.child(timeoutMs);
    await sleep(60_000, undefined, { signal: child.signal }).catch(() => {});
    const code = causeOf(scope.signal.reason, scope)?.code;
    res.writeHead(code === 'shutting-down' ? 503 : code ? 408 : 504).end();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = `http://127.0.0.1:${portOf(server)}`;
  return { url, server, [Symbol.dispose]: () => void server.close() };
}

const pathIs = (path: string) => (span: { kind: string; attributes: Record<string, unknown> }) =>
  span.kind === 'server' && span.attributes['url.path'] === path;

test('a request whose client hangs up has a cause, no status and no error', async () => {
  using served = await serve(60_000);
  const request = httpRequest(`${served.url}/hang-up`).on('error', () => {});
  request.end();
  await once(served.server, 'request');
  request.destroy();
  const span = await receiver.spans.next(pathIs('/hang-up'));
  expect(span.status).toBe('unset');
  expect(span.attributes['request_scope.cause']).toBe('client-disconnected');
  expect(span.attributes).not.toHaveProperty('http.response.status_code');
  expect(span.attributes).not.toHaveProperty('error.type');
});

test('a request without a scope says which side closed its connection', async () => {
  const server = createServer((req) => {
    if (req.url === '/closed-here') req.socket.destroy();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const send = async (path: string) => {
    const request = httpRequest({ port: portOf(server), path }).on('error', () => {});
    request.end();
    await once(server, 'request');
    return request;
  };
  await send('/closed-here');
  const closed = await receiver.spans.next(pathIs('/closed-here'));
  expect(closed.attributes['error.type']).toBe('connection-closed');
  (await send('/left')).destroy();
  const left = await receiver.spans.next(pathIs('/left'));
  expect(left.attributes['request_scope.cause']).toBe('client-disconnected');
  server.close();
});

test("a request that exceeds its caller's budget is an error with that cause", async () => {
  using served = await serve(60_000);
  const headers = { 'x-envoy-expected-rq-timeout-ms': '20', connection: 'close' };
  const answer = await fetch(`${served.url}/late`, { headers });
  const span = await receiver.spans.next(pathIs('/late'));
  expect(span).toMatchObject({ status: 'error', statusMessage: 'deadline exceeded' });
  expect(span.attributes).toMatchObject({
    'request_scope.cause': 'deadline-exceeded',
    'error.type': 'deadline-exceeded',
    'http.response.status_code': answer.status,
  });
});

test('a request that is aborted by a shutdown is no error, although its answer is a 503', async () => {
  const shutdown = new GracefulShutdown();
  using served = await serve(60_000, shutdown);
  const answer = fetch(`${served.url}/leaving`, { headers: { connection: 'close' } });
  await once(served.server, 'request');
  await shutdown.drain(0);
  expect((await answer).status).toBe(503);
  const span = await receiver.spans.next(pathIs('/leaving'));
  expect(span.status).toBe('unset');
  expect(span.attributes).toMatchObject({
    'request_scope.cause': 'shutting-down',
    'http.response.status_code': 503,
  });
});

test('a call by fetch is a span, and the request that it makes is under it', async () => {
  using served = await serve(20);
  const answer = await fetch(`${served.url}/called?secret=1`, { headers: { connection: 'close' } });
  expect(answer.status).toBe(504);
  const server = await receiver.spans.next(pathIs('/called'));
  const client = await receiver.spans.next(({ spanId }) => spanId === server.parentId);
  expect(client).toMatchObject({ kind: 'client', name: 'GET', traceId: server.traceId });
  expect(client.attributes['url.full']).toBe(`${served.url}/called`);
  expect(server.attributes['error.type']).toBe('504');
});

test('an error that persists is written once, also while there is a second one', () => {
  const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  onTestFinished(() => write.mockRestore());
  for (const what of ['spans', 'metrics', 'spans', 'metrics']) diag.error(`${what} are not sent`);
  const lines = ['telemetry: spans are not sent\n', 'telemetry: metrics are not sent\n'];
  expect(write.mock.calls.map(([line]) => line)).toEqual(lines);
});

// The last test: it shuts telemetry down.
test('a request that does not end when it is aborted is sent before its process exits', async () => {
  const shutdown = new GracefulShutdown();
  const work = new AbortController();
  const server = createServer(async (req, res) => {
    using _scope = requestScope(req, res, { shutdown });
    await once(work.signal, 'abort');
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = `http://127.0.0.1:${portOf(server)}/stuck`;
  const answer = fetch(url).catch(() => 'none');
  await once(server, 'request');
  await shutdown.drain(0);
  server.closeAllConnections();
  expect(await answer).toBe('none');
  const waitFor: Promise<void>[] = [];
  channel('chassis:drained').publish({ waitFor });
  await Promise.all(waitFor);
  const span = receiver.spans.items.find(pathIs('/stuck'));
  expect(span?.attributes['request_scope.cause']).toBe('shutting-down');
  work.abort();
  server.close();
});

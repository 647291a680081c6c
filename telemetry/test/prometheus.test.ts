import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { beforeAll, describe, expect, test } from 'vitest';
import { sendRaw, statusOf } from '../../harness/clients.ts';
import { prometheusReader, servePrometheus } from '../src/prometheus.ts';

/** Serves metrics at `url`, and counts their collections. */
async function startPort() {
  const reader = prometheusReader();
  const meters = new MeterProvider({ readers: [reader] });
  const meter = meters.getMeter('test');
  const collected = { count: 0 };
  meter.createObservableGauge('collections').addCallback((result) => {
    collected.count += 1;
    result.observe(collected.count);
  });
  const url = await servePrometheus(reader, { host: 'localhost', port: 0 }, []);
  return { url, port: Number(new URL(url).port), meters, meter, collected };
}

let shared: Awaited<ReturnType<typeof startPort>>;
beforeAll(async () => {
  shared = await startPort();
});

const GET = 'GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n';
const LAST_GET = GET.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n');

test('names carry the unit, and the answer is 503 once the reader is closed', async () => {
  const { url, meters, meter } = await startPort();
  meter.createHistogram('work', { unit: 's' }).record(1);
  const answer = await fetch(url);
  expect(answer.status).toBe(200);
  expect(await answer.text()).toMatch(/^work_seconds_count 1$/m);
  await meters.shutdown();
  expect((await fetch(url)).status).toBe(503);
});

test('concurrent requests share a collection, and each gets what was recorded before it', async () => {
  const { port, meter, collected } = shared;
  const counter = meter.createCounter('asked');
  const startedAt = performance.now();
  const before = collected.count;
  for (let round = 1; round <= 3; round += 1) {
    counter.add(1);
    const asked = Array.from({ length: 50 }, () => sendRaw(port, LAST_GET));
    for (const answer of await Promise.all(asked)) {
      expect(answer).toContain(`\nasked_total ${round}\n`);
    }
  }
  const elapsedMs = performance.now() - startedAt;
  expect(collected.count - before).toBeLessThanOrEqual(1 + elapsedMs / 250);
});

test('a client that pipelines requests loses its connection', async () => {
  const { port, collected } = shared;
  const before = collected.count;
  const clients = Array.from({ length: 10 }, () => sendRaw(port, GET.repeat(2_000)));
  for (const received of await Promise.all(clients)) expect(received).toBe('');
  expect(collected.count - before).toBeLessThanOrEqual(clients.length);
});

test('a connection beyond the limit is closed unread', async () => {
  const { port } = await startPort();
  const sockets: Socket[] = [];
  for (let count = 0; count < 100; count += 1) {
    const socket = connect(port, 'localhost');
    sockets.push(socket);
    await once(socket, 'connect');
  }
  // An answer shows that the server has accepted all of them.
  const [last] = sockets.slice(-1);
  last?.write(GET);
  await once(last as Socket, 'data');
  expect(await sendRaw(port, GET)).toBe('');
  for (const socket of sockets) socket.destroy();
});

describe('a request that may not be a scrape', () => {
  const ask = (head: string) => sendRaw(shared.port, `${head}\r\nConnection: close\r\n\r\n`);

  test.each([
    [200, 'HEAD /metrics HTTP/1.1\r\nHost: localhost'],
    [200, 'GET /metrics?name[]=collections HTTP/1.1\r\nHost: order-service:9464'],
    [404, 'GET / HTTP/1.1\r\nHost: localhost'],
    [404, 'GET /metrics/ HTTP/1.1\r\nHost: localhost'],
    [405, 'POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0'],
    [421, 'GET /metrics HTTP/1.1\r\nHost: evil.example'],
    [400, 'GET /metrics HTTP/1.1\r\nHost: localhost\r\nHost: localhost'],
    [403, 'GET /metrics HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: cross-site'],
    [403, 'GET /metrics HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example'],
  ])('is answered %i: %j', async (status, head) => {
    const answer = await ask(head);
    expect(statusOf(answer)).toBe(status);
    expect(answer.includes('collections ')).toBe(status === 200 && head.startsWith('GET'));
  });
});

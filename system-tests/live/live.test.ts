import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { GracefulShutdown } from 'request-scope';
import { afterEach, expect, onTestFinished, test } from 'vitest';
import { History } from '../../demo/live/history.ts';
import { createPageServer } from '../../demo/live/page-server.ts';
import { send } from '../../harness/clients.ts';
import { startCommand } from '../../harness/command.ts';
import { Feed } from '../../harness/feed.ts';
import { portOf } from '../../harness/network.ts';
import { LOADER } from '../../processes/repository.ts';
import { followEvents } from './events.ts';

const ended: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0)) await end();
});

/** The page's server in front of an order-service that never answers and collects requests in `orders`. */
async function startPage() {
  const orders = new Feed<IncomingMessage>();
  const orderService = createServer((req) => orders.push(req));
  await once(orderService.listen(0, '127.0.0.1'), 'listening');
  const shutdown = new GracefulShutdown();
  const nothing = () => {};
  const control = { cut: nothing, heal: nothing, restartOrder: async () => {} };
  const orderUrl = `http://127.0.0.1:${portOf(orderService)}`;
  const server = createPageServer(
    [{ name: 'ours', orderUrl, ...control }],
    new History(),
    shutdown,
  );
  await once(server.listen(0, '127.0.0.1'), 'listening');
  ended.push(async () => {
    await shutdown.drain(0);
    orderService.closeAllConnections();
    await once(orderService.close(), 'close');
  });
  const origin = `http://localhost:${portOf(server)}`;
  const press = (path: string, headers: Record<string, string> = { origin }) =>
    send(`http://127.0.0.1:${portOf(server)}${path}`, {
      method: 'POST',
      headers: { host: new URL(origin).host, ...headers },
    });
  return { orders, origin, press };
}

/** Follows the page's events after event `lastId`; returns a function that waits for a message. */
async function follow(url: string, lastId?: string) {
  const client = new AbortController();
  ended.unshift(async () => client.abort());
  const events = await followEvents(url, client.signal, lastId);
  return (msg: string) => events.next((event) => event.msg === msg);
}

test('the page forwards a hang-up, an id and a budget, and its events reach a later reader', async () => {
  const { orders, origin, press } = await startPage();
  const nextEvent = await follow(origin);
  const pending = press('/order?budgetMs=30000', { origin });
  const order = await orders.next(() => true);
  const placed = await nextEvent('Places an order');
  expect(placed.requestId).toBe(order.headers['x-request-id']);
  expect(Number(order.headers['x-envoy-expected-rq-timeout-ms'])).toBeLessThanOrEqual(30_000);
  expect(Number(order.headers['x-envoy-expected-rq-timeout-ms'])).toBeGreaterThan(0);
  const closed = once(order.socket, 'close');
  pending.hangUp();
  await closed;
  expect(await nextEvent('Hangs up')).toMatchObject({ side: 'ours', outcome: 'hung up' });

  const nextLaterEvent = await follow(origin, placed.id);
  await nextLaterEvent('Hangs up');
  await expect(Promise.race([nextLaterEvent('Places an order'), 'nothing'])).resolves.toBe(
    'nothing',
  );
});

test('clients of a crowd hang up one by one, and all of them when the page leaves', async () => {
  const { orders, press } = await startPage();
  const pending = press('/crowd');
  const open = () => orders.items.filter(({ socket }) => !socket.destroyed).length;
  await expect.poll(() => orders.items.length - open(), { interval: 5 }).toBeGreaterThan(0);
  await expect.poll(open).toBeGreaterThan(30); // Two thirds of 50 stay; on a busy machine they arrive late.
  pending.hangUp();
  await expect.poll(open).toBe(0);
});

test.each([
  ["another origin's page", { origin: 'http://evil.example' }],
  ['a page on another port', { origin: 'http://localhost:1' }],
  ['a sandboxed page', { origin: 'null' }],
  ['a host name that was rebound', { origin: 'http://evil.example', host: 'evil.example' }],
])('%s can read nothing and press nothing', async (_, headers) => {
  const { orders, origin, press } = await startPage();
  for (const path of ['/', '/events', '/page.js']) {
    const url = origin.replace('localhost', '127.0.0.1') + path;
    expect((await send(url, { headers }).answer).status).toBe(403);
  }
  for (const path of ['/order', '/crowd', '/stop', '/reset']) {
    expect((await press(path, headers).answer).status).toBe(403);
  }
  expect(orders.items).toEqual([]);
});

test('a button needs an origin and POST; an unknown path is answered 404', async () => {
  const { origin, press } = await startPage();
  expect((await press('/order', {}).answer).status).toBe(403);
  expect((await fetch(`${origin}/order`)).status).toBe(405);
  expect((await press('/', { origin }).answer).status).toBe(405);
  expect((await press('/toString', { origin }).answer).status).toBe(404);
  expect((await fetch(`${origin}//`)).status).toBe(404);
  const { headers, status } = await fetch(origin);
  expect(status).toBe(200);
  expect(headers.get('content-security-policy')).toMatch(/frame-ancestors 'none'/);
});

test('the history writes nothing more to a slow page after its end', async () => {
  const history = new History();
  const server = createServer((_req, res) => history.follow(res, 0)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const page = connect(portOf(server), '127.0.0.1');
  page.write('GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n');
  const [, reader]: ServerResponse[] = await once(server, 'request');
  if (!reader) throw new Error('no response');
  const failures: Error[] = [];
  reader.on('error', (error) => failures.push(error));
  while (reader.writableLength === 0) history.publish({ time: 0, msg: 'x'.repeat(100_000) });
  history.end();
  history.publish({ time: 0, msg: 'Hangs up' });
  page.destroy();
  await once(reader, 'close');
  expect(failures).toEqual([]);
});

test('npm run live ends every process if a service does not start', async () => {
  const env = { LIVE_PORT: '0', TRANSPILED: '/nowhere' };
  const live = startCommand(process.execPath, [...LOADER, 'demo/live/live.ts'], env);
  expect(await live.closed).toBe(1);
  expect(live.output()).toMatch(/^live: \w+-service/);
});

test('npm run live refuses an invalid port in one line', async () => {
  const env = { LIVE_PORT: 'none' };
  const live = startCommand(process.execPath, [...LOADER, 'demo/live/live.ts'], env);
  expect(await live.closed).toBe(1);
  const line = 'live: LIVE_PORT is "none", it must be an integer from 0 to 65535\n';
  expect(live.output()).toBe(line);
});

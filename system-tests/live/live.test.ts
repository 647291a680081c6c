import { once } from 'node:events';
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http';
import { connect } from 'node:net';
import { GracefulShutdown } from 'request-scope';
import { afterEach, expect, onTestFinished, test } from 'vitest';
import { createDoor } from '../../demo/live/clients.ts';
import { History, type LiveEvent } from '../../demo/live/history.ts';
import { createPageServer } from '../../demo/live/page-server.ts';
import { openRaw, send, sendRaw } from '../../harness/clients.ts';
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
  const history = new History();
  const nothing = () => {};
  const control = {
    doorUrl: '',
    state: () => ({ isCut: false, isRestarting: false }),
    cut: nothing,
    heal: nothing,
    restartOrder: async () => {},
  };
  const orderUrl = `http://127.0.0.1:${portOf(orderService)}`;
  const server = createPageServer([{ name: 'ours', orderUrl, ...control }], history, shutdown);
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
  return { orders, origin, press, history };
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
  const pending = press('/order?waitsMs=30000', { origin });
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

test('a caller that gets no answer gives up when its time is up', async () => {
  const { origin, press } = await startPage();
  const nextEvent = await follow(origin);
  await press('/order?waitsMs=10').answer;
  expect((await nextEvent('Places an order')).waitsMs).toBe(10);
  expect(await nextEvent('Its time is up')).toMatchObject({ side: 'ours', outcome: 'gave up' });
});

/** A door in front of an order-service that handles requests with `handle`, and the events that it publishes. */
async function startDoor(handle: RequestListener) {
  const orderService = createServer(handle).listen(0, '127.0.0.1');
  await once(orderService, 'listening');
  const events = new Feed<LiveEvent>();
  const orderUrl = `http://127.0.0.1:${portOf(orderService)}`;
  const door = createDoor({ name: 'usual', orderUrl }, (event) => events.push(event));
  await once(door.listen(0, '127.0.0.1'), 'listening');
  ended.push(async () => {
    for (const server of [door, orderService]) {
      server.closeAllConnections();
      await once(server.close(), 'close');
    }
  });
  const nextEvent = (msg: string) => events.next((event) => event.msg === msg);
  return { url: `http://127.0.0.1:${portOf(door)}`, events, nextEvent };
}

test("another client's order is named, passed on with its hang-up, and reported", async () => {
  const orders = new Feed<IncomingMessage>();
  const { url, nextEvent } = await startDoor((req) => orders.push(req));
  const head = 'GET /order?orderID=mine HTTP/1.1\r\nHost: localhost\r\n\r\n';
  const { socket } = await openRaw(Number(new URL(url).port), head);
  const order = await orders.next(() => true);
  expect(order.url).toBe('/order?orderID=mine');
  const closed = once(order.socket, 'close');
  const { requestId } = await nextEvent('Places an order');
  expect(order.headers['x-request-id']).toBe(requestId);
  socket.destroy();
  await closed;
  const expected = { side: 'usual', requestId, orderID: 'mine', isForeign: true };
  expect(await nextEvent('Hangs up')).toMatchObject({ ...expected, outcome: 'hung up' });
});

test('an answer passes the door as it is, and only an order is reported', async () => {
  const { url, events, nextEvent } = await startDoor((req, res) => {
    res.writeHead(503, { 'Retry-After': '1' }).end(`${req.method} ${req.headers.host}`);
  });
  const { host } = new URL(url);
  expect(await send(`${url}/health`, { method: 'POST' }).answer).toMatchObject({
    status: 503,
    body: `POST ${host}`,
  });
  const { headers } = await send(`${url}/order`).answer;
  expect(headers['retry-after']).toBe('1');
  expect(await nextEvent('Gets 503')).toMatchObject({ status: 503, outcome: 'failed' });
  expect(events.items.map(({ msg }) => msg)).toEqual(['Places an order', 'Gets 503']);
});

test.each([
  ['before it answers', () => {}],
  ['in the middle of its answer', (res: ServerResponse) => res.writeHead(200).write('Order')],
])(
  'a client whose order-service ends %s gets no answer, and that is reported',
  async (_, begin) => {
    const { url, nextEvent } = await startDoor((req, res) => {
      begin(res);
      setImmediate(() => req.socket.destroy());
    });
    await expect(send(`${url}/order`).answer).rejects.toThrow();
    expect(await nextEvent('Gets no answer')).toMatchObject({ outcome: 'failed' });
  },
);

test.each(['//', '/order?orderID=%', 'http://evil.example/order'])(
  'a door passes on %s',
  async (path) => {
    const { url } = await startDoor((req, res) => res.end(req.url));
    const head = `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`;
    expect(await sendRaw(Number(new URL(url).port), head)).toContain(path);
  },
);

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

test('a page that opens after events were dropped is told so', async () => {
  const { history, origin } = await startPage();
  for (let count = 0; count < 20_001; count += 1) history.publish({ time: 0, msg: 'An event' });
  const reset = (await (await follow(origin))('Reset')) as { isShortened?: boolean };
  expect(reset.isShortened).toBe(true);
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

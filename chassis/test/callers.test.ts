import { once } from 'node:events';
import { createServer } from 'node:http';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sendRaw, statusOf } from '../../harness/clients.ts';
import { portOf } from '../../harness/network.ts';
import { type AllowedHosts, isHostList, readAllowedHosts } from '../src/callers.ts';
import { createServiceApp, sendText } from '../src/index.ts';

let begun = 0;

/** Starts a service that accepts `allowedHosts`, and a function that sends it requests. */
async function startService(allowedHosts: AllowedHosts) {
  const logger = pino({ level: 'silent' });
  const addRoutes: Parameters<typeof createServiceApp>[1] = (routes) => {
    routes.all('/order', (_req, res) => {
      begun += 1;
      sendText(res, 'charged');
    });
  };
  const server = createServer(createServiceApp({ logger, allowedHosts }, addRoutes));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const ask = async (headers: string, target = '/order', version = '1.1') => {
    const head = `GET ${target} HTTP/${version}\r\n${headers}`;
    return sendRaw(portOf(server), `${head}Connection: close\r\n\r\n`);
  };
  return { server, ask };
}

type Service = Awaited<ReturnType<typeof startService>>;
let local: Service;
let open: Service;
beforeAll(async () => {
  local = await startService(['shop.example']);
  open = await startService(undefined);
});
afterAll(() => {
  for (const { server } of [local, open]) server.close().closeAllConnections();
});

const HOST = 'Host: localhost:8080\r\n';

describe('a request of a web page of another origin is 403 on every path', () => {
  test.each([
    ['a page of another site', 'Sec-Fetch-Site: cross-site\r\n'],
    ['a page of the same site', 'Sec-Fetch-Site: same-site\r\n'],
    ['an unknown value', 'Sec-Fetch-Site: new\r\n'],
    ['two values', 'Sec-Fetch-Site: none\r\nSec-Fetch-Site: cross-site\r\n'],
    ['an origin alone', 'Origin: https://evil.example\r\n'],
    ['an origin on another port', 'Origin: http://localhost:8081\r\n'],
    ['the host of the origin and more', 'Origin: http://localhost:8080.evil.example\r\n'],
    ['two origins', 'Origin: http://localhost:8080\r\nOrigin: http://evil.example\r\n'],
    ['a sandboxed page', 'Origin: null\r\n'],
    ['an origin that is empty', 'Origin:\r\n'],
    ['an origin that is not a web page', 'Origin: file://localhost:8080\r\n'],
    ['a foreign origin with Sec-Fetch-Site: none', 'Sec-Fetch-Site: none\r\nOrigin: null\r\n'],
    ['a prefetch', 'Sec-Fetch-Site: none\r\nSec-Purpose: prefetch;prerender\r\n'],
    ['an old prefetch', 'Purpose: prefetch\r\n'],
  ])('%s', async (_who, headers) => {
    const before = begun;
    for (const { ask } of [local, open]) {
      for (const target of ['/order', '/health', '/nowhere']) {
        const answer = await ask(HOST + headers, target);
        expect(statusOf(answer)).toBe(403);
        expect(answer).toMatch(/\r\nx-request-id: .*text\/plain.*\r\n\r\nNot for a p[^\n]+\n$/is);
      }
    }
    expect(begun).toBe(before);
  });

  test.each([
    ['curl, a service, a probe', ''],
    ['a person who types the address', 'Sec-Fetch-Site: none\r\nSec-Fetch-Mode: navigate\r\n'],
    ['a page of the service', 'Sec-Fetch-Site: same-origin\r\nOrigin: http://localhost:8080\r\n'],
    ['a page of the service behind TLS', 'Origin: https://LOCALHOST:8080\r\n'],
  ])('%s is accepted', async (_who, headers) => {
    for (const { ask } of [local, open]) expect(statusOf(await ask(HOST + headers))).toBe(200);
  });
});

describe('a foreign Host is 421', () => {
  test.each([
    ['Host: evil.example', '/order'],
    ['Host: evil.example:8080', '/health'],
    ['Host: localhost.evil.example', '/order'],
    ['Host: evillocalhost', '/order'],
    ['Host: 127.0.0.1.evil.example', '/order'],
    ['Host: evil.shop.example', '/order'],
    ['Host: 192.0.2.1', '/order'],
    ['Host: [::2]', '/order'],
    ['Host:', '/order'],
    ['Host: localhost', 'http://evil.example/order'],
    ['Host: localhost', 'http://localhost@evil.example/order'],
    ['Host: evil.example', 'http://localhost/order'],
  ])('%s for %s', async (host, target) => {
    const before = begun;
    const answer = await local.ask(`${host}\r\n`, target);
    expect(statusOf(answer)).toBe(421);
    expect(answer).toMatch(/\r\n\r\nHost is not one of this service\n$/);
    expect(begun).toBe(before);
    expect(statusOf(await open.ask(`${host}\r\n`, target))).toBe(200);
  });

  test.each([
    'localhost',
    'LocalHost.:80',
    'orders.localhost:8080',
    '127.0.0.1:1',
    '127.0.0.2',
    '[::1]:8080',
    'localhost:',
    'order-service:8080',
    'inventory-service',
    'Payment-Service:8082',
    'shop.example',
    'SHOP.example.:443',
  ])('the Host %s is accepted', async (host) => {
    expect(statusOf(await local.ask(`Host: ${host}\r\n`))).toBe(200);
    expect(statusOf(await local.ask('Host: localhost\r\n', `http://${host}/order`))).toBe(200);
  });

  test('a probe of HTTP/1.0 needs no Host', async () => {
    expect(statusOf(await local.ask('', '/health', '1.0'))).toBe(200);
  });
});

test.each([
  'Host: localhost\r\nHost: localhost\r\n',
  'Host: localhost\r\nhost: evil.example\r\n',
  'Host: localhost evil.example\r\n',
  'Host: localhost/evil.example\r\n',
  'Host: evil.example@localhost\r\n',
  'Host: localhost:port\r\n',
  'Host: [::1\r\n',
  'Host: ::1\r\n',
])('an invalid Host is 400: %j', async (headers) => {
  for (const { ask } of [local, open]) expect(statusOf(await ask(headers))).toBe(400);
});

describe('the accepted hosts', () => {
  test.each([
    ['127.0.0.1', {}, []],
    ['127.0.1.1', {}, []],
    ['localhost', {}, []],
    ['LOCALHOST.', {}, []],
    ['::1', {}, []],
    ['0:0:0:0:0:0:0:1', {}, []],
    ['::ffff:127.0.0.1', {}, []],
    ['0.0.0.0', {}, undefined],
    ['::', {}, undefined],
    ['192.0.2.1', {}, undefined],
    ['shop.example', {}, undefined],
    ['0.0.0.0', { BIND_ADDRESS: '127.0.0.1' }, []],
    ['0.0.0.0', { BIND_ADDRESS: '0.0.0.0' }, undefined],
    ['0.0.0.0', { BIND_ADDRESS: '', ALLOWED_HOSTS: '' }, undefined],
    ['0.0.0.0', { BIND_ADDRESS: '0.0.0.0', ALLOWED_HOSTS: 'Shop.Example' }, ['shop.example']],
    ['127.0.0.1', { ALLOWED_HOSTS: ' a.example , B,' }, ['a.example', 'b']],
    ['127.0.0.1', { ALLOWED_HOSTS: '2001:db8:0::1,[::2]' }, ['[2001:db8::1]', '[::2]']],
    ['127.0.0.1', { ALLOWED_HOSTS: '*' }, undefined],
    ['127.0.0.1', { ALLOWED_HOSTS: 'a.example,*' }, undefined],
  ])('listening on %s with %j: %j', (host, env, expected) => {
    expect(readAllowedHosts(env, host)).toEqual(expected);
  });

  test.each(['a.example:80', 'abc:80', 'http://a.example', 'a b', '*.example', 'a/b', '[a]'])(
    'none is called %s',
    (value) => {
      expect(isHostList(value)).toBe(false);
      expect(isHostList(`localhost,${value}`)).toBe(false);
    },
  );
});

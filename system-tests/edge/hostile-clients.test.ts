import { afterAll, beforeAll, expect, test } from 'vitest';
import { sendRaw, statusOf } from '../../harness/clients.ts';
import { placeOrdersDuring } from '../../harness/load.ts';
import { type System, startSystem } from '../../harness/system.ts';
import { expectNothingLeft } from '../support/nothing-left.ts';

let system: System;
beforeAll(async () => {
  system = await startSystem({ CHECK_DURATION_MS: '20', PAYMENT_DURATION_MS: '20' });
});
afterAll(() => system[Symbol.asyncDispose]());

const ORDER = 'GET /order HTTP/1.1\r\nHost: localhost\r\n';
const LAST = 'Connection: close\r\n\r\n';
const POST = 'POST /order HTTP/1.1\r\nHost: localhost\r\n';

test.each([
  ['a header of 20 kB', `${ORDER}X-Long: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
  ['a path of 20 kB', `GET /${'x'.repeat(20_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`, 431],
  [
    'a chunk extension of 20 kB',
    `${POST}Transfer-Encoding: chunked\r\n\r\n1;${'x'.repeat(20_000)}`,
    413,
  ],
  ['a body of 9 MB', `${POST}Content-Length: 9000000\r\n\r\n${'x'.repeat(9_000_000)}`, 413],
  ['a method only', 'GET\r\n\r\n', 400],
  ['no host', 'GET /order HTTP/1.1\r\n\r\n', 400],
  ['the first bytes of TLS', '\u0016\u0003\u0001\u0002\u0000\u0001', 400],
  ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
  ['an unknown method', 'ORDER /order HTTP/1.1\r\nHost: localhost\r\n\r\n', 400],
  ['a bare line feed in a header', `${ORDER}X-Split: a\nb\r\n\r\n`, 400],
  ['a zero byte in a header', `${ORDER}X-Zero: \u0000\r\n\r\n`, 400],
  ['two lengths', `${POST}Content-Length: 1\r\nContent-Length: 2\r\n\r\n`, 400],
  ['a length and chunks', `${POST}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`, 400],
  ['a negative length', `${POST}Content-Length: -1\r\n\r\n`, 400],
  ['a chunk without a length', `${POST}Transfer-Encoding: chunked\r\n\r\nxyz\r\n`, 400],
  [
    'two keys behind 2,000 headers',
    `${ORDER}${'a:\r\n'.repeat(2_000)}Idempotency-Key: a\r\nIdempotency-Key: b\r\n${LAST}`,
    400,
  ],
  ['two hosts', `${ORDER}Host: localhost\r\n${LAST}`, 400],
  ["another's host", `GET /order HTTP/1.1\r\nHost: evil.example\r\n${LAST}`, 421],
  ["another origin's name", `${ORDER}Origin: http://evil.example\r\n${LAST}`, 403],
  ['an expectation', `${ORDER}Expect: a-miracle\r\nConnection: close\r\n\r\n`, 417],
])('a client that sends %s is refused', async (_what, bytes, status) => {
  await placeOrdersDuring(system.order.url, async () => {
    expect(statusOf(await sendRaw(system.order.port, bytes))).toBe(status);
  });
  await expectNothingLeft(system);
});

import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { send, sendRaw, statusOf } from '../../harness/clients.ts';
import { type System, startSystem } from '../../harness/system.ts';

let system: System;
beforeAll(async () => {
  system = await startSystem({ CHECK_DURATION_MS: '0', PAYMENT_DURATION_MS: '0' });
});
afterAll(() => system[Symbol.asyncDispose]());

/** Any character, most often a suspicious one. */
const character = fc.oneof(
  fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
  fc.constantFrom(
    '\0',
    '\n',
    '\u007f',
    '\u2028',
    '\ufeff',
    '\ufffd',
    '&',
    '+',
    '%',
    '/',
    '[]',
    ' ',
  ),
);
const identifier = fc
  .oneof(
    fc.array(character, { maxLength: 8 }),
    fc.array(character, { minLength: 120, maxLength: 136 }),
  )
  .map((characters) => characters.join(''));

const isUsable = (id: string) => /^\P{Cc}{1,128}$/u.test(id);

test('an order with valid identifiers succeeds, and with any other is answered 400', () =>
  fc.assert(
    fc.asyncProperty(identifier, identifier, async (productID, orderID) => {
      const query = `productID=${encodeURIComponent(productID)}&orderID=${encodeURIComponent(orderID)}`;
      const { status, body } = await send(`${system.order.url}/order?${query}`).answer;
      const refused = [productID, orderID].findIndex((id) => !isUsable(id));
      if (refused < 0) expect({ status, body }).toEqual({ status: 200, body: PROCESSED });
      else {
        expect(status).toBe(400);
        expect(body).toMatch(refused === 0 ? /^productID .+$/ : /^orderID .+$/);
      }
    }),
    { numRuns: 300 },
  ));

const PROCESSED = 'Order successfully processed';

const token = fc.string({
  unit: fc.constantFrom(...'!#$%&*+-.^_|~0aZ'),
  minLength: 1,
  maxLength: 9,
});
const printable = fc.string({ unit: fc.integer({ min: 33, max: 255 }).map(byte), maxLength: 60 });
const oneOf = (usual: string[], other: fc.Arbitrary<string>) =>
  fc.oneof({ arbitrary: fc.constantFrom(...usual), weight: 3 }, other);
const parameter = fc
  .tuple(oneOf(['productID', 'orderID'], token), oneOf(['1', '', '%', '%00', '%ff'], printable))
  .map((pair) => pair.join('='));
const header = fc
  .tuple(oneOf(['x-request-id', 'cookie', 'accept', 'idempotency-key'], token), printable)
  .map((pair) => pair.join(': '));
const request = fc.record({
  service: fc.constantFrom('order', 'inventory', 'payment'),
  method: oneOf(['GET', 'POST', 'HEAD', 'OPTIONS', 'DELETE', 'TRACE'], token),
  path: oneOf(['/order', '/check', '/pay', '/health', '*', '//'], printable),
  query: fc.array(parameter, { maxLength: 4 }).map((parameters) => parameters.join('&')),
  headers: fc.array(header, { maxLength: 6 }).map((headers) => headers.join('\r\n')),
});

test('random requests are answered 200 or 4xx', () =>
  fc.assert(
    fc.asyncProperty(request, async ({ service, method, path, query, headers }) => {
      const text = `${method} ${path}?${query} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${headers}\r\n\r\n`;
      await acceptable(service, Buffer.from(text, 'latin1'));
    }),
    { numRuns: 1_000 },
  ));

test('random bytes are answered 4xx', () =>
  fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ minLength: 1, maxLength: 200 }).filter(begun),
      async (bytes) => {
        await acceptable('order', Buffer.concat([bytes, Buffer.from('\r\n\r\n\r\n')]));
      },
    ),
    { numRuns: 500 },
  ));

async function acceptable(name: 'order' | 'inventory' | 'payment', bytes: Buffer): Promise<void> {
  const service = system[name];
  expect([200, ...Array.from({ length: 100 }, (_, status) => 400 + status)]).toContain(
    statusOf(await sendRaw(service.port, bytes)),
  );
  expect(service.lines.filter(({ level }) => level > 30)).toEqual([]);
  expect(service.stderr).toBe('');
}

/** Node skips empty lines before a request: such bytes would get no answer. */
function begun([first]: Uint8Array): boolean {
  return first !== 10 && first !== 13;
}

function byte(code: number): string {
  return String.fromCharCode(code);
}

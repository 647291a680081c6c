import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect } from 'vitest';
import { openRaw } from '../../harness/clients.ts';
import { placeOrdersDuring } from '../../harness/load.ts';
import { type System, startSystem } from '../../harness/system.ts';
import { expectNothingLeft } from '../support/nothing-left.ts';
import { scene } from '../support/scene.ts';

let system: System;
beforeAll(async () => {
  system = await startSystem({ CHECK_DURATION_MS: '20', PAYMENT_DURATION_MS: '20' });
});
afterAll(() => system[Symbol.asyncDispose]());

/** The clients that connect and leave at a time. */
const CROWD = 100;
const DRIP_MS = 500;
/** A little less than the limits in chassis/src/limits.ts. */
const HEADERS_MS = 19_500;
const REQUEST_MS = 29_500;

const ORDER = 'GET /order HTTP/1.1\r\nHost: localhost\r\n';
const POST = 'POST /order HTTP/1.1\r\nHost: localhost\r\n';

scene(
  'a thousand clients at once send a request byte by byte, or send nothing',
  'each gets 408 at its time limit, and other orders succeed',
  async () => {
    const { port, url } = system.order;
    const orders = await placeOrdersDuring(url, () =>
      Promise.all([
        slowly(300, port, '', HEADERS_MS),
        slowly(300, port, `${ORDER}X-Slow: `, HEADERS_MS),
        slowly(400, port, `${POST}Content-Length: 1000\r\n\r\n`, REQUEST_MS),
      ]),
    );
    await expectNothingLeft(system);
    return `1000 answers of 408, ${orders} other orders, nothing left behind`;
  },
);

for (const [where, bytes, clients] of [
  ['silently', '', 2_000],
  ['in the headers', ORDER, 2_000],
  ['in the body', `${POST}Content-Length: 10\r\n\r\n12345`, 2_000],
  ['after an order', `${ORDER}\r\n`, 2_000],
  ['after a hundred orders at once', `${ORDER}\r\n`.repeat(100), 20],
] as const) {
  scene(
    `clients by the thousand come and go ${where}`,
    'other orders succeed, and no connection and no work is left',
    async () => {
      const { port, url } = system.order;
      const orders = await placeOrdersDuring(url, async () => {
        for (let gone = 0; gone < clients; gone += CROWD) {
          const crowd = { length: Math.min(CROWD, clients) };
          await Promise.all(Array.from(crowd, () => comeAndGo(port, bytes)));
        }
      });
      await expectNothingLeft(system);
      return `${clients} gone, ${orders} other orders, nothing left behind`;
    },
  );
}

async function slowly(clients: number, port: number, bytes: string, atLeastMs: number) {
  const client = async () => {
    const startedAt = performance.now();
    const { socket, received } = await openRaw(port, bytes);
    const drip = bytes ? setInterval(() => socket.write('x'), DRIP_MS) : undefined;
    expect(await received).toMatch(/^HTTP\/1\.1 408 /);
    clearInterval(drip);
    expect(performance.now() - startedAt).toBeGreaterThan(atLeastMs);
  };
  await Promise.all(Array.from({ length: clients }, client));
}

async function comeAndGo(port: number, bytes: string): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1' });
  await once(socket, 'connect');
  await new Promise((resolve) => socket.write(bytes, resolve));
  socket.resetAndDestroy();
}

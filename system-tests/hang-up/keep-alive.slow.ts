import { once } from 'node:events';
import { createServer } from 'node:http';
import { describe, expect } from 'vitest';
import { OPERATION_HEADER, operation } from '../../chassis/src/operation.ts';
import { send } from '../../harness/clients.ts';
import { portOf } from '../../harness/network.ts';
import type { ServiceProcess } from '../../harness/service-process.ts';
import { startSystem } from '../../harness/system.ts';
import { scene } from '../support/scene.ts';

/** Orders at a time. Each of their calls reuses a connection that has been idle since the last round. */
const CROWD = 200;
/** Long enough for a whole crowd to be in flight at once. */
const STEP_MS = 150;
/** From well before a timeout to a little after it. The time that a crowd takes is added to it. */
const around = (idleMs: number) => [-500, -300, -150, -75, 0, 50].map((off) => idleMs + off);

const DURATIONS = { CHECK_DURATION_MS: `${STEP_MS}`, PAYMENT_DURATION_MS: `${STEP_MS}` };

describe.concurrent('beside each other', () => {
  scene(
    'orders at intervals around 4 s and 10 s, after which client and server close idle connections',
    'none fails',
    async () => {
      await using system = await startSystem(DURATIONS);
      const orders = await crowds(system.order, [...around(4_000), 10_000]);
      return `${orders} orders, not one failed`;
    },
  );

  scene(
    'orders at intervals around the 2 s after which the called service announces to close',
    'none fails',
    async () => {
      await using inventory = await startServer(2_000);
      await using system = await startSystem({ ...DURATIONS, INVENTORY_URL: inventory.url });
      const orders = await crowds(system.order, [
        ...around(1_000),
        ...around(1_000),
        ...around(2_000),
      ]);
      return `${orders} orders, not one failed, on ${inventory.connections()} connections`;
    },
  );
});

/**
 * Sends crowds of orders, each of which finds connections that have been idle for at least `idleMs`.
 * Resolves with the number of orders.
 */
async function crowds(order: ServiceProcess, idleMs: number[]): Promise<number> {
  for (const idle of [STEP_MS, ...idleMs]) {
    // During the order's other step, each connection is idle, too.
    await new Promise((resolve) => setTimeout(resolve, idle - STEP_MS));
    const crowd = Array.from({ length: CROWD }, () => send(`${order.url}/order`).answer);
    const bodies = new Set((await Promise.all(crowd)).map(({ body }) => body));
    expect(bodies).toEqual(new Set(['Order successfully processed']));
  }
  return (idleMs.length + 1) * CROWD;
}

/** An inventory service that announces that it closes idle connections after `keepAliveTimeout` ms, and does. */
async function startServer(keepAliveTimeout: number) {
  let connections = 0;
  const server = createServer({ keepAliveTimeout }, (req, res) => {
    res.setHeader('x-request-id', String(req.headers['x-request-id']));
    res.setHeader(OPERATION_HEADER, operation('check', '1234'));
    setTimeout(() => res.end('Product 1234 is available'), STEP_MS);
  });
  server.on('connection', () => {
    connections += 1;
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${portOf(server)}`,
    connections: () => connections,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

import { afterAll, expect } from 'vitest';
import { type Pending, paymentsOf, send } from '../../harness/clients.ts';
import { ComposeStack, PORTS } from '../../harness/compose-stack.ts';
import { since, until } from '../../harness/time.ts';
import type { ServiceName } from '../../services.ts';
import { scene } from '../support/scene.ts';

/** Work that takes longer than the 5 s of a call. */
const ENDLESS_MS = '60000';

const PAYMENT_URL = 'http://127.0.0.1:8082';

/** TCP_ESTABLISHED in /proc/net/tcp. */
const ESTABLISHED = '01';

const stack = new ComposeStack();
afterAll(() => stack.down());

/** The remote ends of the connections that the service's kernel considers open. */
async function callers(service: ServiceName): Promise<string[]> {
  const table = await stack.exec(service, 'cat', '/proc/net/tcp', '/proc/net/tcp6');
  const port = `:${PORTS[service].toString(16).toUpperCase()}`;
  return table.split('\n').flatMap((line) => {
    const [, local = '', remote = '', state] = line.trim().split(/\s+/);
    const healthCheck = /0100007F:\w+$/.test(remote);
    return state === ESTABLISHED && local.endsWith(port) && !healthCheck ? [remote] : [];
  });
}

/** Places an order. Resolves once `service` has been called for it. */
async function orderAt(service: ServiceName) {
  const before = await callers(service);
  const order = send('http://127.0.0.1:8080/order');
  const caller = await until(`a call to ${service}`, async () =>
    (await callers(service)).find((remote) => !before.includes(remote)),
  );
  return { ...order, caller };
}

/** Cuts `service` off while it works for an order. Resolves with the outcome at both ends. */
async function cutOff(service: ServiceName) {
  const startedAt = performance.now();
  const { requestId, answer, caller } = await orderAt(service);
  await stack.unplug(service);
  const { status, body } = await answer;
  const took = since(startedAt);
  // A FIN or an RST would have closed this connection: neither has arrived.
  expect(await callers(service)).toContain(caller);
  const line = await stack.waitForLine(service, 'canceled for', requestId);
  expect(line).toContain('"cause":"deadline-exceeded"');
  const [, elapsedMs] = /"elapsedMs":(\d+)/.exec(line) ?? [];
  const seen = `${status} after ${took}, work stopped after ${elapsedMs} ms`;
  return { requestId, status, body, seen };
}

/** Hangs up an order that has reached `service`. Resolves once the hang-up has arrived there, too. */
async function hangUpCrosses(service: ServiceName, { requestId, hangUp }: Pending): Promise<void> {
  hangUp();
  await stack.waitForLine(service, 'canceled for', requestId, '"cause":"client-disconnected"');
}

scene(
  'inventory cut off during the check',
  'order fails after 5 s, check stops by its budget',
  async () => {
    await stack.up({ CHECK_DURATION_MS: ENDLESS_MS });
    const { status, body, seen } = await cutOff('inventory-service');
    expect({ status, body }).toEqual({
      status: 500,
      body: 'Inventory check failed: deadline exceeded',
    });
    await stack.plugIn('inventory-service');
    await hangUpCrosses('inventory-service', await orderAt('inventory-service'));
    return seen;
  },
);

scene(
  'payment cut off during the payment',
  'order fails after 5 s, payment stops by its budget',
  async () => {
    await stack.up({ CHECK_DURATION_MS: '0', PAYMENT_DURATION_MS: ENDLESS_MS });
    const { requestId, status, body, seen } = await cutOff('payment-service');
    expect({ status, body }).toEqual({
      status: 500,
      body: 'Payment processing failed: deadline exceeded',
    });
    await stack.plugIn('payment-service');
    await stack.waitForLine('payment-service', 'Payment voided for', requestId);
    const next = send('http://127.0.0.1:8080/order?orderID=next');
    await until('a pending payment', async () => {
      const [status] = await paymentsOf('next', PAYMENT_URL);
      return status === 'pending' || undefined;
    });
    await hangUpCrosses('payment-service', next);
    return seen;
  },
);

scene(
  'payment cut off until the payment is processed',
  'order fails after 5 s, the void arrives once the network heals',
  async () => {
    await stack.up({ CHECK_DURATION_MS: '0' });
    const { requestId, answer } = await orderAt('payment-service');
    await stack.unplug('payment-service');
    expect(await answer).toMatchObject({
      status: 500,
      body: 'Payment processing failed: deadline exceeded',
    });
    await stack.waitForLine('payment-service', 'Payment processed for', requestId);
    await stack.plugIn('payment-service');
    await stack.waitForLine('payment-service', 'Payment voided for', requestId);
    const payments = await paymentsOf('orderID-5678', PAYMENT_URL);
    expect(payments).toEqual(['voided']);
    return `500; processed behind the partition; payments in the end: ${payments}`;
  },
);

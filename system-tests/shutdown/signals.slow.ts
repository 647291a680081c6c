import { connect } from 'node:net';
import { expect } from 'vitest';
import { paymentsOf, send } from '../../harness/clients.ts';
import { startRelay } from '../../harness/network.ts';
import { ServiceProcess } from '../../harness/service-process.ts';
import { startSystem } from '../../harness/system.ts';
import { scene } from '../support/scene.ts';

const STEP_MS = '300';
const DURATIONS = { CHECK_DURATION_MS: STEP_MS, PAYMENT_DURATION_MS: STEP_MS };
const GONE = { code: 0, signal: null };

for (const step of ['inventory', 'payment'] as const) {
  scene(
    `SIGTERM to order-service during the ${step} step`,
    'the order succeeds, exit code 0',
    async () => {
      await using system = await startSystem(DURATIONS);
      const { requestId, answer } = send(`${system.order.url}/order?orderID=late`);
      await system[step].arrival(requestId);
      system.order.signal('SIGTERM');
      const { status } = await answer;
      expect(status).toBe(200);
      expect(await system.order.exited).toEqual(GONE);
      return `${status}, exit code 0, payments: ${await paymentsOf('late', system.payment.url)}`;
    },
  );
}

scene('SIGTERM to order-service during a void', 'it exits once the void has arrived', async () => {
  await using network = await startRelay();
  await using system = await startSystem({ ...DURATIONS, PAYMENT_URL: network.url });
  const { order, payment } = system;
  network.port = payment.port;
  network.holdAnswers();
  const { requestId, hangUp } = send(`${order.url}/order?orderID=crossed`);
  await payment.waitFor({ requestId, msg: 'Payment processed for order: crossed' });
  hangUp();
  await order.waitFor({ requestId, msg: 'Order canceled: client disconnected' });
  order.signal('SIGTERM');
  await order.waitFor({ msg: 'Shutting down: SIGTERM' });
  network.heal();
  expect(await order.exited).toEqual(GONE);
  expect(await paymentsOf('crossed', payment.url)).toEqual(['voided']);
  return 'exit code 0, payments: voided';
});

scene(
  'SIGTERM to order-service during a void that never arrives',
  'it exits in time, and logs a line to reconcile by',
  async () => {
    await using network = await startRelay();
    const env = { ...DURATIONS, PAYMENT_URL: network.url, SHUTDOWN_TIMEOUT_MS: '200' };
    await using system = await startSystem(env);
    const { order, payment } = system;
    network.port = payment.port;
    network.holdAnswers();
    const { requestId, hangUp } = send(`${order.url}/order?orderID=lost`);
    await payment.arrival(requestId);
    network.cut();
    hangUp();
    await order.waitFor({ requestId, msg: 'Order canceled: client disconnected' });
    order.signal('SIGTERM');
    const { msg } = await order.waitFor({ requestId, level: 50 });
    expect(msg).toBe('Payment outcome unknown for order: lost');
    expect(await order.exited).toEqual(GONE);
    return msg;
  },
);

scene(
  'SIGTERM to each service with idle and silent connections',
  'they do not delay it',
  async () => {
    await using system = await startSystem(DURATIONS);
    const services = system.all;
    await send(`${system.order.url}/order`).answer; // leaves idle connections behind
    for (const service of services) {
      const silent = connect(service.port, '127.0.0.1');
      await new Promise((resolve) => silent.once('connect', resolve));
      service.signal('SIGTERM');
      expect(await service.exited).toEqual(GONE);
      silent.destroy();
    }
    return 'exit code 0, three times';
  },
);

scene(
  'SIGKILL of payment-service during a payment, and its restart',
  'the order fails and is voided, the next one succeeds',
  async () => {
    await using system = await startSystem({ ...DURATIONS, PAYMENT_DURATION_MS: '60000' });
    const { order, payment } = system;
    const PORT = String(payment.port);
    const { requestId, answer } = send(`${order.url}/order?orderID=killed`);
    await payment.arrival(requestId);
    payment.signal('SIGKILL');
    await payment.exited;
    const { status, body } = await answer;
    expect(status).toBe(500);
    expect(body).toMatch(/^Payment processing failed: payment-service is unreachable \(/);
    await using returned = await ServiceProcess.start('payment-service', { ...DURATIONS, PORT });
    await returned.waitFor({ requestId, msg: 'Payment voided for order: killed' });
    expect((await send(`${order.url}/order?orderID=next`).answer).status).toBe(200);
    expect(await paymentsOf('next', returned.url)).toEqual(['processed']);
    return `${body}; then voided; then 200`;
  },
);

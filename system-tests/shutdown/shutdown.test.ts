import { Agent } from 'node:http';
import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { send } from '../../harness/clients.ts';
import { startRelay } from '../../harness/network.ts';
import { ServiceProcess } from '../../harness/service-process.ts';
import { startSystem } from '../../harness/system.ts';

const NEVER_MS = '60000';

test('after SIGTERM an order on a keep-alive connection finishes, then the process exits', async () => {
  await using network = await startRelay();
  const env = { PAYMENT_DURATION_MS: '0', CHECK_DURATION_MS: '0', PAYMENT_URL: network.url };
  await using system = await startSystem(env);
  const { order, payment } = system;
  network.port = payment.port;
  network.holdAnswers();
  using agent = disposable(new Agent({ keepAlive: true, maxSockets: 1 }));
  await send(`${order.url}/health`, { agent }).answer;
  const { requestId, answer } = send(`${order.url}/order`, { agent });
  await payment.arrival(requestId);
  order.signal('SIGTERM');
  await order.waitFor({ msg: 'Shutting down: SIGTERM' });
  network.heal();
  const { status, headers } = await answer;
  expect({ status, connection: headers.connection }).toEqual({ status: 200, connection: 'close' });
  expect(await order.exited).toEqual({ code: 0, signal: null });
});

test('after SHUTDOWN_TIMEOUT_MS an order is answered 503, a check 408, and their work stops', async () => {
  const env = { CHECK_DURATION_MS: NEVER_MS, SHUTDOWN_TIMEOUT_MS: '50' };
  await using system = await startSystem(env);
  const { order, inventory } = system;
  const { requestId, answer } = send(`${order.url}/order`);
  await inventory.arrival(requestId);
  order.signal('SIGTERM');
  const { status, body, headers } = await answer;
  expect(status).toBe(503);
  expect(body).toBe('Order canceled: service shutting down');
  expect(headers['retry-after']).toBe('1');
  await inventory.waitFor({ requestId, msg: 'Inventory check canceled for product: 1234' });
  expect(await order.exited).toEqual({ code: 0, signal: null });

  const check = send(`${inventory.url}/check?productID=1`);
  await inventory.arrival(check.requestId);
  inventory.signal('SIGTERM');
  expect(await check.answer).toMatchObject({ status: 408, body: 'Request canceled' });
  expect(await inventory.exited).toEqual({ code: 0, signal: null });
});

describe('a service that shuts down', () => {
  test('refuses new connections, and reports draining to a health check on an open one', async () => {
    const env = { CHECK_DURATION_MS: NEVER_MS, SHUTDOWN_TIMEOUT_MS: NEVER_MS };
    await using service = await ServiceProcess.start('inventory-service', env);
    const check = send(`${service.url}/check?productID=1`);
    await service.arrival(check.requestId);
    const open = connect(service.port, '127.0.0.1').setEncoding('utf8');
    open.write('GET /health HTTP/1.1\r\n');
    await new Promise((resolve) => open.once('connect', resolve));
    await send(`${service.url}/health`).answer; // `open` was accepted before this one
    service.signal('SIGTERM');
    await service.waitFor({ msg: 'Shutting down: SIGTERM' });
    await expect(send(`${service.url}/health`).answer).rejects.toThrow('ECONNREFUSED');
    open.write('Host: localhost\r\n\r\n');
    let text = '';
    for await (const chunk of open) text += chunk;
    expect(text).toMatch(/^HTTP\/1.1 503 [\s\S]*Connection: close[\s\S]*{"status":"draining"}$/);
    check.hangUp();
    expect(await service.exited).toEqual({ code: 0, signal: null });
  });

  test('is delayed neither by a silent connection nor by a second SIGINT right after the first', async () => {
    await using service = await ServiceProcess.start('inventory-service', {
      CHECK_DURATION_MS: NEVER_MS,
    });
    const silent = connect(service.port, '127.0.0.1');
    await new Promise((resolve) => silent.once('connect', resolve));
    const check = send(`${service.url}/check?productID=1`);
    await service.arrival(check.requestId);
    service.signal('SIGINT');
    await service.waitFor({ msg: 'Shutting down: SIGINT' });
    service.signal('SIGINT');
    await expect(send(`${service.url}/health`).answer).rejects.toThrow('ECONNREFUSED');
    check.hangUp();
    expect(await service.exited).toEqual({ code: 0, signal: null });
    silent.destroy();
  });

  test('exits at once at a second SIGTERM a second later', async () => {
    const env = { CHECK_DURATION_MS: NEVER_MS, SHUTDOWN_TIMEOUT_MS: NEVER_MS };
    await using service = await ServiceProcess.start('inventory-service', env);
    const { requestId } = send(`${service.url}/check?productID=1`);
    await service.arrival(requestId);
    service.signal('SIGTERM');
    await service.waitFor({ msg: 'Shutting down: SIGTERM' });
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    service.signal('SIGTERM');
    expect(await service.exited).toEqual({ code: 1, signal: null });
  });
});

const startWithDelay = (DRAIN_DELAY_MS: string) =>
  ServiceProcess.start('inventory-service', { DRAIN_DELAY_MS, CHECK_DURATION_MS: '0' });

test('during DRAIN_DELAY_MS the health check reports draining, and no request is refused', async () => {
  await using service = await startWithDelay('60000');
  service.signal('SIGTERM');
  await service.waitFor({ msg: 'Shutting down: SIGTERM' });
  for (let count = 0; count < 20; count += 1) {
    const health = await send(`${service.url}/health`).answer;
    expect(health).toMatchObject({ status: 503, body: '{"status":"draining"}' });
    const check = await send(`${service.url}/check?productID=7`).answer;
    expect(check).toMatchObject({ status: 200, headers: { connection: 'close' } });
  }
});

test('a service exits after DRAIN_DELAY_MS, and not before', async () => {
  await using service = await startWithDelay('250');
  service.signal('SIGTERM');
  const { time: signaledAt } = await service.waitFor({ msg: 'Shutting down: SIGTERM' });
  expect(await service.exited).toEqual({ code: 0, signal: null });
  expect(Date.now() - signaledAt).toBeGreaterThanOrEqual(249);
});

function disposable(agent: Agent): Agent & Disposable {
  return Object.assign(agent, { [Symbol.dispose]: () => agent.destroy() });
}

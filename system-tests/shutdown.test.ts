import { Agent } from 'node:http';
import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { send } from './harness/client.ts';
import { ServiceProcess } from './harness/service-process.ts';
import { startSystem } from './harness/system.ts';

const NEVER_MS = '60000';

test('a service says where it listens, on loopback unless it is told otherwise', async () => {
  await using service = await ServiceProcess.start('payment-service');
  const url = `http://127.0.0.1:${service.port}`;
  expect(service.lines[0]).toMatchObject({ msg: `Listening on ${url}`, port: service.port });
  expect((await send(`${url}/health`).answer).status).toBe(200);
  await using open = await ServiceProcess.start('payment-service', { HOST: '::1' });
  expect(open.lines[0]?.msg).toBe(`Listening on http://[::1]:${open.port}`);
});

test('SIGTERM lets an order in flight on a kept-alive connection finish, then the process leaves', async () => {
  await using system = await startSystem({ CHECK_DURATION_MS: '1500', PAYMENT_DURATION_MS: '0' });
  const { order, inventory } = system;
  using agent = disposable(new Agent({ keepAlive: true, maxSockets: 1 }));
  await send(`${order.url}/health`, { agent }).answer;
  const { requestId, answer } = send(`${order.url}/order`, { agent });
  await inventory.arrival(requestId);
  order.signal('SIGTERM');
  const { status, headers } = await answer;
  expect({ status, connection: headers.connection }).toEqual({ status: 200, connection: 'close' });
  expect(await order.exited).toEqual({ code: 0, signal: null });
});

test('an order that outlives the grace is answered 503, and its work stops', async () => {
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
});

describe('a service on its way out', () => {
  test('refuses new connections, and says so to a health check on an open one', async () => {
    const env = { CHECK_DURATION_MS: NEVER_MS, SHUTDOWN_TIMEOUT_MS: '2000' };
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
    expect(await check.answer).toMatchObject({ status: 408, body: 'Request canceled' });
    expect(await service.exited).toEqual({ code: 0, signal: null });
  });

  test('is held up neither by a silent connection nor by a second SIGINT right after', async () => {
    await using service = await ServiceProcess.start('payment-service');
    const silent = connect(service.port, '127.0.0.1');
    await new Promise((resolve) => silent.once('connect', resolve));
    await send(`${service.url}/health`).answer;
    service.signal('SIGINT');
    service.signal('SIGINT');
    expect(await service.exited).toEqual({ code: 0, signal: null });
    silent.destroy();
  });

  test('leaves at once when it is told again a second later', async () => {
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

describe('a service that cannot start says why in one line, exit code 1', () => {
  test.each([
    ['order-service', { PORT: 'http' }, 'PORT is "http", it must be an integer from 0 to 65535'],
    [
      'order-service',
      { INVENTORY_URL: 'inventory:8081' },
      'INVENTORY_URL is "inventory:8081", it must be an absolute http(s) URL',
    ],
    [
      'payment-service',
      { PAYMENT_DURATION_MS: '3s' },
      'PAYMENT_DURATION_MS is "3s", it must be an integer from 0 to 2147483647',
    ],
  ] as const)('%s with %j', async (name, env, message) => {
    await using service = ServiceProcess.launch(name, env);
    expect(await service.exited).toEqual({ code: 1, signal: null });
    expect(service.stderr).toBe(`${name}: ${message}\n`);
  });

  test('on a port in use', async () => {
    await using first = await ServiceProcess.start('inventory-service');
    const PORT = String(first.port);
    await using second = ServiceProcess.launch('payment-service', { PORT });
    expect(await second.exited).toEqual({ code: 1, signal: null });
    expect(second.stderr).toMatch(/^payment-service: .*EADDRINUSE.*\n$/);
  });

  test('on a host that is not this machine', async () => {
    await using service = ServiceProcess.launch('payment-service', { HOST: '192.0.2.1' });
    expect(await service.exited).toEqual({ code: 1, signal: null });
    expect(service.stderr).toMatch(/^payment-service: .*EADDRNOTAVAIL.*\n$/);
  });
});

function disposable(agent: Agent): Agent & Disposable {
  return Object.assign(agent, { [Symbol.dispose]: () => agent.destroy() });
}

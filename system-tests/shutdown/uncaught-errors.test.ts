import { expect, test } from 'vitest';
import { send } from '../../harness/clients.ts';
import { startRelay } from '../../harness/network.ts';
import type { LogLine } from '../../harness/service-process.ts';
import { ServiceProcess } from '../../harness/service-process.ts';
import { LOADER } from '../../processes/repository.ts';

/** Throws in a timer at SIGUSR2, and rejects a promise without a handler at SIGHUP. */
const BUGS = `data:text/javascript,
  process.on('SIGUSR2', () => setTimeout(() => { throw new TypeError('a bug') }));
  process.on('SIGHUP', () => void Promise.reject(new TypeError('a bug')));`.replaceAll('\n', '');

const WITH_BUGS = { options: [...LOADER, '--import', BUGS] };
const EXITED = { code: 1, signal: null };
const LONG_MS = '60000';

test.each([
  ['an uncaught exception', 'SIGUSR2'],
  ['an unhandled rejection', 'SIGHUP'],
] as const)('a service logs %s, drains, and exits with 1', async (_, bug) => {
  const env = { CHECK_DURATION_MS: LONG_MS, SHUTDOWN_TIMEOUT_MS: '50' };
  await using service = await ServiceProcess.start('inventory-service', env, WITH_BUGS);
  const { requestId, answer } = send(`${service.url}/check?productID=1`);
  await service.arrival(requestId);
  service.signal(bug);
  expect(await answer).toMatchObject({ status: 408, body: 'Request canceled' });
  expect(await service.exited).toEqual(EXITED);
  const [{ err }, ...others] = service.lines.slice(1) as [LogLine, ...LogLine[]];
  expect(err).toMatchObject({ type: 'TypeError', message: 'a bug' });
  expect(others.map(({ msg }) => msg)).toEqual([
    'Shutting down: uncaught exception',
    'Waiting for 1 request',
    'Inventory check canceled for product: 1',
  ]);
});

test('a second one ends the process at once; a pending void is logged', async () => {
  await using network = await startRelay();
  await using payment = await ServiceProcess.start('payment-service');
  await using inventory = await ServiceProcess.start('inventory-service', {
    CHECK_DURATION_MS: '0',
  });
  network.port = payment.port;
  const env = { INVENTORY_URL: inventory.url, PAYMENT_URL: network.url, CALL_TIMEOUT_MS: LONG_MS };
  await using order = await ServiceProcess.start('order-service', env, WITH_BUGS);
  const { requestId, hangUp } = send(`${order.url}/order?orderID=lost`);
  await payment.arrival(requestId);
  network.cut();
  hangUp();
  await order.waitFor({ requestId, msg: 'Order canceled: client disconnected' });
  order.signal('SIGUSR2');
  await order.waitFor({ msg: 'Waiting for 1 void' });
  order.signal('SIGHUP');
  expect(await order.exited).toEqual(EXITED);
  expect(order.find({ msg: 'Uncaught exception' })).toHaveLength(2);
  expect(order.find({ requestId, level: 50 })).toMatchObject([
    { msg: 'Payment outcome unknown for order: lost', cause: 'shutting-down' },
  ]);
});

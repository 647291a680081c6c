import { expect, test } from 'vitest';
import { send } from '../../harness/clients.ts';
import { ServiceProcess } from '../../harness/service-process.ts';

const start = (DRAIN_DELAY_MS: string) =>
  ServiceProcess.start('inventory-service', { DRAIN_DELAY_MS, CHECK_DURATION_MS: '0' });

test('for DRAIN_DELAY_MS a health check sees the drain, and no request is refused', async () => {
  await using service = await start('60000');
  service.signal('SIGTERM');
  await service.waitFor({ msg: 'Shutting down: SIGTERM' });
  for (let count = 0; count < 20; count += 1) {
    const health = await send(`${service.url}/health`).answer;
    expect(health).toMatchObject({ status: 503, body: '{"status":"draining"}' });
    const check = await send(`${service.url}/check?productID=7`).answer;
    expect(check).toMatchObject({ status: 200, headers: { connection: 'close' } });
  }
});

test('after DRAIN_DELAY_MS the service leaves, and not before', async () => {
  await using service = await start('500');
  service.signal('SIGTERM');
  const { time: toldAt } = await service.waitFor({ msg: 'Shutting down: SIGTERM' });
  expect(await service.exited).toEqual({ code: 0, signal: null });
  expect(Date.now() - toldAt).toBeGreaterThanOrEqual(499);
});

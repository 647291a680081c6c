import { expect, test } from 'vitest';
import { send } from './harness/client.ts';
import { ServiceProcess } from './harness/service-process.ts';

test('for DRAIN_DELAY_MS a health check sees the drain, and no request is refused', async () => {
  const env = { DRAIN_DELAY_MS: '1500', CHECK_DURATION_MS: '0' };
  await using service = await ServiceProcess.start('inventory-service', env);
  service.signal('SIGTERM');
  const { time: toldAt } = await service.waitFor({ msg: 'Shutting down: SIGTERM' });
  let checks = 0;
  let [status, isOpen] = [0, true];
  while (isOpen) {
    const health = await send(`${service.url}/health`).answer.catch(() => undefined);
    const check = await send(`${service.url}/check?productID=7`).answer.catch(() => undefined);
    if (health) {
      ({ status } = health);
      expect(health).toMatchObject({ status: 503, body: '{"status":"draining"}' });
    }
    if (check) {
      checks += 1;
      expect(check).toMatchObject({ status: 200, headers: { connection: 'close' } });
    }
    isOpen = health !== undefined && check !== undefined;
  }
  expect(status).toBe(503);
  expect(checks).toBeGreaterThan(0);
  expect(Date.now() - toldAt).toBeGreaterThanOrEqual(1_499);
  expect(await service.exited).toEqual({ code: 0, signal: null });
});

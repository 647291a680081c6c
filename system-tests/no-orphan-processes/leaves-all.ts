import { spawn } from 'node:child_process';
import { expect, test } from 'vitest';
import { reservePorts } from '../../harness/network.ts';
import { nginxVersion, startNginx } from '../../harness/nginx.ts';
import { startSystem } from '../../harness/system.ts';
import { tether } from '../../harness/tether.ts';

// In no suite: this test ends none of its processes. no-orphan-processes.slow.ts runs it.

test('starts every kind of process that tests start', { timeout: 0 }, async () => {
  const { order, inventory, payment } = await startSystem();
  const busy = tether(spawn(process.execPath, ['--eval', 'for (;;);'], { stdio: 'ignore' }));
  if (nginxVersion) {
    const { ports, release } = await reservePorts(1);
    await release();
    await startNginx([{ port: ports[0] ?? 0, upstream: order.url }]);
  }
  const pids = [order, inventory, payment, busy].map(({ pid }) => pid);
  process.stdout.write(`all started: ${pids.join(' ')}\n`);
  expect(process.env.ENDING).not.toBe('a failing test');
  await new Promise(() => {});
});

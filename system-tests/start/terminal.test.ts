import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { send } from '../../harness/clients.ts';
import { startCommand } from '../../harness/command.ts';
import { programVariables } from '../../harness/environment.ts';
import { reservePorts } from '../../harness/network.ts';
import { tether } from '../../harness/tether.ts';
import { until } from '../../harness/time.ts';
import { ROOT } from '../../processes/repository.ts';
import { SERVICES } from '../../services.ts';
import { ANY_PORTS } from '../support/any-ports.ts';
import { FULL_STDOUT } from '../support/full-stdout.ts';

const CTRL_C = '\x03';

// script(1) of util-linux lends a terminal; the one of macOS has other options.
test.skipIf(process.platform !== 'linux')(
  'one Ctrl+C in the terminal of `npm start` lets an order finish its check, and one its payment',
  async () => {
    const args = ['--quiet', '--flush', '--command', 'npm start', '/dev/null'];
    const env = { ...ANY_PORTS, CHECK_DURATION_MS: '1000', PAYMENT_DURATION_MS: '1000' };
    const { child, closed, seen, output } = startCommand('script', args, env);
    const url = await seen(/Try: curl (\S+)/);
    const paying = fetch(url);
    await seen(/Inventory check completed/);
    const checking = fetch(url);
    await seen(/Placing order[\s\S]*Placing order/);
    child.stdin.write(CTRL_C);
    await seen(/Ctrl\+C: orders in flight may finish[\s\S]*Waiting for 2 requests/);
    expect((await paying).status).toBe(200);
    expect((await checking).status).toBe(200);
    await closed;
    expect(output().match(/exited with code 0/g)).toHaveLength(SERVICES.length);
    const [first, ...others] = output().match(/\S+ exited with code 0|\S+ .*Shutting down/g) ?? [];
    expect(first).toMatch(/order.*Shutting down/);
    expect(others[0]).toMatch(/order.*exited/);
  },
);

test('a second Ctrl+C, a second later, ends all at once', async () => {
  const { child, closed, seen, output } = startCommand(
    process.execPath,
    ['run.js', 'start/start.ts'],
    {
      ...ANY_PORTS,
      CHECK_DURATION_MS: '600000',
    },
  );
  const answer = fetch(`${await seen(/Try: curl (\S+)/)}`);
  answer.catch(() => {});
  await seen(/Placing order/);
  child.kill('SIGINT');
  await seen(/Shutting down/);
  child.kill('SIGINT'); // the same Ctrl+C, which arrives more than once
  await sleep(1_100);
  expect(output()).not.toMatch(/ended by|exited with/);
  child.kill('SIGINT');
  expect(await closed).toBe(1);
  expect(output().match(/ended by SIGKILL/g)).toHaveLength(SERVICES.length);
  await expect(answer).rejects.toThrow();
});

test('a pager that stands, and lets Ctrl+C pass it by, does not keep `npm start`', async () => {
  const { ports, release } = await reservePorts(1);
  const ORDER_PORT = String(ports[0]);
  await release();
  const args = ['--import', FULL_STDOUT, 'run.js', 'start/start.ts'];
  const env = programVariables({ ...ANY_PORTS, ORDER_PORT });
  const stdio = ['ignore', 'pipe', 'pipe'] as const;
  const child = tether(spawn(process.execPath, args, { cwd: ROOT, env, stdio: [...stdio] }));
  const health = () => send(`http://127.0.0.1:${ORDER_PORT}/health`).answer.catch(() => undefined);
  await until('order-service', health);
  child.kill('SIGINT');
  expect(await once(child, 'exit')).toEqual([0, null]);
});

import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { startCommand } from '../harness/command.ts';
import { ROOT } from '../harness/repository.ts';

const CTRL_C = '\x03';
const PORTS = { ORDER_PORT: '0', INVENTORY_PORT: '0', PAYMENT_PORT: '0' };
const SERVICE_URL = /Listening on (\S+)/g;

const FILES = [join(ROOT, 'run.js'), join(ROOT, 'start/start.ts')];
const start = (env: NodeJS.ProcessEnv, cwd?: string) =>
  startCommand(process.execPath, FILES, env, cwd);

// script(1) of util-linux lends a terminal; the one of macOS has other options.
test.skipIf(process.platform !== 'linux').each([
  ['check', /Placing order/],
  ['payment', /Inventory check completed/],
])('one Ctrl+C in the terminal of `npm start` lets an order finish its %s', async (_, phase) => {
  const args = ['--quiet', '--flush', '--command', 'npm start', '/dev/null'];
  const env = { ...PORTS, CHECK_DURATION_MS: '1000', PAYMENT_DURATION_MS: '1000' };
  const { child, closed, seen, output } = startCommand('script', args, env);
  const answer = fetch(`${await seen(/Try: curl (\S+)/)}`);
  await seen(phase);
  child.stdin.write(CTRL_C);
  expect((await answer).status).toBe(200);
  await closed;
  expect(output().match(/exited with code 0/g)).toHaveLength(3);
  const [first, ...others] = output().match(/\S+ exited with code 0|\S+ .*Shutting down/g) ?? [];
  expect(first).toMatch(/order.*Shutting down/);
  expect(others[0]).toMatch(/order.*exited/);
});

test('a second Ctrl+C, a second later, ends all at once', async () => {
  const { child, closed, seen, output } = start({ ...PORTS, CHECK_DURATION_MS: '600000' });
  const answer = fetch(`${await seen(/Try: curl (\S+)/)}`);
  answer.catch(() => {});
  await seen(/Placing order/);
  child.kill('SIGINT');
  await seen(/Shutting down/);
  child.kill('SIGINT'); // the same Ctrl+C, which arrives more than once
  await sleep(1_100);
  child.kill('SIGINT');
  expect(await closed).toBe(1);
  expect(output().match(/ended by SIGKILL/g)).toHaveLength(3);
  await expect(answer).rejects.toThrow();
});

test('a terminal that is closed lets all leave', async () => {
  const { child, closed, seen, output } = start(PORTS);
  await seen(/Try: curl/);
  child.kill('SIGHUP');
  expect(await closed).toBe(0);
  expect(output().match(/exited with code 0/g)).toHaveLength(3);
});

test('`npm run dev` restarts a service whose code has changed, where it was', async () => {
  const env = { ...PORTS, CHECK_DURATION_MS: '0', PAYMENT_DURATION_MS: '0' };
  const { child, closed, seen } = startCommand(process.execPath, [...FILES, '--watch'], env);
  const order = await seen(/Try: curl (\S+)/);
  const inventory = await seen(/\[inventory\].*Listening on (\S+)/);
  await seen(/Watching/);
  const now = new Date();
  await utimes(join(ROOT, 'inventory-service/src/app.ts'), now, now);
  const again = await seen(/exited with code 0[\s\S]*\[inventory\].*Listening on (\S+)/);
  expect(again).toBe(inventory);
  expect((await fetch(order)).status).toBe(200);
  child.kill('SIGTERM');
  expect(await closed).toBe(0);
});

test('no service outlives a launcher that is killed', async () => {
  const { child, closed, seen, output } = start(PORTS);
  await seen(/Try: curl/);
  await seen(/\[order\].*Listening on/);
  child.kill('SIGKILL');
  await closed;
  const urls = [...output().matchAll(SERVICE_URL)].map(([, url]) => `${url}/health`);
  expect(urls).toHaveLength(3);
  for (const url of urls) {
    const gone = () =>
      fetch(url)
        .then(() => false)
        .catch(() => true);
    await expect.poll(gone, { timeout: 10_000 }).toBe(true);
  }
});

test('a port in use stops all, exit code 1; PORT itself is ignored', async () => {
  const first = start({ ...PORTS, PORT: '1' });
  const port = await first.seen(/\[payment\].*Listening on \S+:(\d+)/);
  await first.seen(/Try: curl/);
  const second = start({ ...PORTS, INVENTORY_PORT: port });
  expect(await second.closed).toBe(1);
  expect(second.output()).toMatch(/inventory-service: .*EADDRINUSE/);
  first.child.kill('SIGTERM');
  expect(await first.closed).toBe(0);
});

test('.env in the current folder is read', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'start-'));
  await writeFile(join(folder, '.env'), 'ORDER_PORT=none\n');
  const { closed, output } = start({}, folder);
  expect(await closed).toBe(1);
  expect(output()).toBe('start: ORDER_PORT is "none", it must be an integer from 0 to 65535\n');
  await rm(folder, { recursive: true });
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { devNull, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { paymentsOf, send } from '../../harness/clients.ts';
import { startCommand } from '../../harness/command.ts';
import { programVariables } from '../../harness/environment.ts';
import { reservePorts } from '../../harness/network.ts';
import { tether } from '../../harness/tether.ts';
import { until } from '../../harness/time.ts';
import { ROOT } from '../../processes/repository.ts';
import { SERVICES } from '../../services.ts';
import { readConfig } from '../../start/config.ts';
import { stateLines } from '../../start/state.ts';
import { ANY_PORTS } from '../support/any-ports.ts';
import { FULL_STDOUT } from '../support/full-stdout.ts';

const SERVICE_URL = /Listening on (\S+)/g;

const FILES = [join(ROOT, 'run.js'), join(ROOT, 'start/start.ts')];
const start = (env: NodeJS.ProcessEnv, cwd?: string) =>
  startCommand(process.execPath, FILES, env, cwd);

test('`npm run dev` restarts a changed service on its port; a kill leaves no service behind', async () => {
  const durations = { CHECK_DURATION_MS: '0', PAYMENT_DURATION_MS: '0' };
  const env = { ...ANY_PORTS, ...durations, TRANSPILED: '' }; // Runs the sources, which the test changes.
  const { child, closed, seen, output } = startCommand(
    process.execPath,
    [...FILES, '--watch'],
    env,
  );
  const order = await seen(/Try: curl (\S+)/);
  const inventory = await seen(/^inventory .*Listening on (\S+)/m);
  await seen(/Watching/);
  const now = new Date();
  await utimes(join(ROOT, 'inventory-service/src/app.ts'), now, now);
  const again = await seen(/exited with code 0[\s\S]*\ninventory .*Listening on (\S+)/);
  expect(again).toBe(inventory);
  expect((await fetch(order)).status).toBe(200);
  child.kill('SIGKILL');
  await closed;
  const urls = new Set([...output().matchAll(SERVICE_URL)].map(([, url]) => `${url}/health`));
  expect(urls.size).toBe(SERVICES.length);
  for (const url of urls) {
    const gone = () =>
      fetch(url)
        .then(() => false)
        .catch(() => true);
    await expect.poll(gone).toBe(true);
  }
});

/** A module for `--import` that lets a process log that it listens only after that is known otherwise. */
const LISTENING_LATE = `data:text/javascript,${encodeURIComponent(`
  import fs from 'node:fs';
  const { writeSync } = fs;
  fs.writeSync = (fd, text, ...more) => {
    if (!String(text).includes('Listening')) return writeSync(fd, text, ...more);
    fs.writeSync = writeSync;
    throw Object.assign(new Error('full'), { code: 'EAGAIN' });
  };`)}`;

describe('on a terminal of 100 columns', () => {
  const durations = { CHECK_DURATION_MS: '0', PAYMENT_DURATION_MS: '600000' };
  let first: ReturnType<typeof start>;
  beforeAll(() => {
    const NODE_OPTIONS = `--import=${LISTENING_LATE}`;
    first = start({ ...ANY_PORTS, ...durations, PORT: '1', NODE_OPTIONS });
  });

  test('the first line says where the state is, the last line of the start what to try', async () => {
    await first.seen(/Try: curl \S+\n/);
    const lines = first.output().trimEnd().split('\n');
    expect(lines).toEqual([
      'State in memory: it ends with the processes',
      ...SERVICES.map(() => expect.stringMatching(/^\w+ +\d\d:\d\d:\d\d\.\d{3} {11}Listening on /)),
      expect.stringMatching(/^Try: curl /),
    ]);
  });

  test('a hang-up during the payment ends in one line: the work has stopped, and nothing is charged', async () => {
    const { requestId, answer, hangUp } = send(await first.seen(/Try: curl (\S+)/));
    const paymentUrl = await first.seen(/^payment .*Listening on (\S+)/m);
    await expect.poll(() => paymentsOf('orderID-5678', paymentUrl)).toEqual(['pending']);
    hangUp();
    await expect(answer).rejects.toThrow();
    const id = requestId.slice(0, 8);
    const closing = `── ${id}: client disconnected · all work stopped within \\d+ ms · nothing charged ─+\n`;
    await first.seen(new RegExp(closing));
    for (const line of first.output().trimEnd().split('\n'))
      expect(line.length, line).toBeLessThanOrEqual(100);
  });

  test('a port in use stops all services; PORT is ignored; when the terminal closes, all exit', async () => {
    const port = await first.seen(/^order .*Listening on \S+:(\d+)/m);
    const second = start({ ...ANY_PORTS, ORDER_PORT: port, LOG_FORMAT: 'json' });
    expect(await second.closed).toBe(1);
    expect(second.output()).toMatch(
      /^\[order\] order-service: .*EADDRINUSE.*ORDER_PORT.* to use another port$/m,
    );
    // With the format json a line stays as the service writes it.
    expect(second.output()).toMatch(/^\[payment\] \{"level":30,.*"msg":"Listening on \S+"\}$/m);
    first.child.kill('SIGHUP');
    expect(await first.closed).toBe(0);
    expect(first.output().match(/exited with code 0/g)).toHaveLength(SERVICES.length);
  });
});

test('the file that DOTENV_PATH names is read once: no service gets its PORT', () => {
  const { order } = readConfig({ DOTENV_PATH: 'variables', PORT: '1' });
  expect(order).toMatchObject({ DOTENV_PATH: devNull });
  expect(order).not.toHaveProperty('PORT');
});

const MEMORY = 'in memory: it ends with the processes';
const POSTGRES = 'in PostgreSQL:';

test.each([
  [{}, [`State ${MEMORY}`]],
  [{ DATABASE_URL: '' }, [`State ${MEMORY}`]],
  [
    { DATABASE_URL: 'postgres://me:secret@db.example:6432/shop?password=secret' },
    [`State ${POSTGRES} me@db.example:6432/shop, schema orders`],
  ],
  [
    {
      DATABASE_URL: 'postgres://db',
      PGUSER: 'm\u2028e',
      PGDATABASE: 'shop',
      DATABASE_SCHEMA: 'mine',
    },
    [`State ${POSTGRES} m%E2%80%A8e@db:5432/shop, schema mine`],
  ],
  [
    { DATABASE_URL: 'postgres:///shop?host=/run/postgresql&user=me' },
    [`State ${POSTGRES} me@/run/postgresql:5432/shop, schema orders`],
  ],
  // A password that is not encoded.
  [
    { DATABASE_URL: 'postgres://me:1234/secret@db/shop' },
    [`State ${POSTGRES} DATABASE_URL, schema orders`],
  ],
  [{ DATABASE_URL: 'secret' }, [`State ${POSTGRES} DATABASE_URL, schema orders`]],
])('with %j the first line says where the state is, without a secret', (env, lines) => {
  const config = { DOTENV_PATH: devNull, ...env };
  expect(stateLines(readConfig(config))).toEqual(lines);
});

test('if only one service has a database, each service has a line', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'start-'));
  const DOTENV_PATH = join(folder, '.env');
  await writeFile(DOTENV_PATH, 'DATABASE_URL=postgres://me@db/shop\n');
  const config = { ...readConfig({ DOTENV_PATH }), payment: { DOTENV_PATH } };
  expect(stateLines(config)).toEqual([
    `State of order-service ${MEMORY}`,
    `State of inventory-service ${MEMORY}`,
    `State of payment-service ${POSTGRES} me@db:5432/shop, schema orders`,
  ]);
  await rm(folder, { recursive: true });
});

test('.env in the current folder is read', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'start-'));
  await writeFile(join(folder, '.env'), 'ORDER_PORT=none\n');
  const { closed, output } = start({ DOTENV_PATH: undefined }, folder);
  expect(await closed).toBe(1);
  expect(output()).toBe('start: ORDER_PORT is "none", it must be an integer from 0 to 65535\n');
  await rm(folder, { recursive: true });
});

const CTRL_C = '\x03';

// script(1) of util-linux provides a terminal; the one of macOS has other options.
test.skipIf(process.platform !== 'linux')(
  'after one Ctrl+C in the terminal of `npm start`, orders finish their checks and payments',
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
    const [first = '', ...others] = output().match(/^.*(exited with code 0|Shutting down)/gm) ?? [];
    expect(first).toMatch(/order .*Shutting down/);
    expect(others[0]).toMatch(/order .*exited/);
  },
);

test('a second Ctrl+C, a second later, ends all at once; what is no log line is shown as it is', async () => {
  const { child, closed, seen, output } = start({
    ...ANY_PORTS,
    CHECK_DURATION_MS: '600000',
    NODE_OPTIONS: `--import=data:text/javascript,console.log('{x'.repeat(99))`,
  });
  const answer = fetch(`${await seen(/Try: curl (\S+)/)}`);
  answer.catch(() => {});
  await seen(/Placing order/);
  child.kill('SIGINT');
  await seen(/Shutting down/);
  child.kill('SIGINT'); // the same Ctrl+C: it can arrive twice
  await sleep(1_100);
  expect(output()).not.toMatch(/ended by|exited with/);
  child.kill('SIGINT');
  expect(await closed).toBe(1);
  expect(output().match(/ended by SIGKILL$/gm)).toHaveLength(SERVICES.length);
  expect(output().match(/^\w+ +(\{x){99}$/gm)).toHaveLength(SERVICES.length);
  // The check had not been completed, so the payment was not called.
  expect(output()).toMatch(
    /^── \w{8}: order-service ended by SIGKILL · all work stopped within \d+ ms · nothing charged ─/m,
  );
  await expect(answer).rejects.toThrow();
});

test('a pager that reads nothing and ignores Ctrl+C does not keep `npm start` running', async () => {
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

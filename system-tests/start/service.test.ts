import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { send } from '../../harness/clients.ts';
import { portOf } from '../../harness/network.ts';
import { postgresVersion, startPostgres } from '../../harness/postgres.ts';
import { ServiceProcess } from '../../harness/service-process.ts';
import { createPool } from '../../postgres/src/index.ts';

test('a service says where it listens: on loopback', async () => {
  await using service = await ServiceProcess.start('payment-service');
  const url = `http://127.0.0.1:${service.port}`;
  expect(service.lines[0]).toMatchObject({ msg: `Listening on ${url}`, port: service.port });
  expect((await send(`${url}/health`).answer).status).toBe(200);
});

test('a service listens where it is told to', async ({ skip }) => {
  const addresses = Object.values(networkInterfaces()).flat();
  skip(!addresses.some((its) => its?.address === '::1'), 'there is no ::1');
  await using open = await ServiceProcess.start('payment-service', { HOST: '::1' });
  expect(open.lines[0]?.msg).toBe(`Listening on http://[::1]:${open.port}`);
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
    await using service = new ServiceProcess(name, env);
    expect(await service.exited).toEqual({ code: 1, signal: null });
    expect(service.stderr).toBe(`${name}: ${message}\n`);
  });

  test('with a bad value in the file that DOTENV_PATH names', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'start-'));
    const DOTENV_PATH = join(folder, 'variables');
    await writeFile(DOTENV_PATH, 'PORT=1\nLOG_LEVEL=loud\n');
    await using service = new ServiceProcess('payment-service', { DOTENV_PATH });
    expect(await service.exited).toEqual({ code: 1, signal: null });
    expect(service.stderr).toMatch(
      /^payment-service: LOG_LEVEL is "loud", it must be one of .*\n$/,
    );
    await rm(folder, { recursive: true });
    await using without = new ServiceProcess('payment-service', { DOTENV_PATH });
    expect(await without.exited).toEqual({ code: 1, signal: null });
    expect(without.stderr).toMatch(/^payment-service: DOTENV_PATH cannot be read: ENOENT.*\n$/);
  });

  test('with a table of others in the place of its own', async ({ skip }) => {
    skip(!postgresVersion, 'PostgreSQL is not installed');
    await using server = await startPostgres();
    await using pool = createPool(server.url, { maxConnections: 1 });
    await pool.query('create schema orders; create table orders.payments (amount int)');
    await using service = new ServiceProcess('payment-service', { DATABASE_URL: server.url });
    expect(await service.exited).toEqual({ code: 1, signal: null });
    expect(service.stderr).toBe(
      'payment-service: orders.payments is not a table of this service: set DATABASE_SCHEMA to a schema of its own\n',
    );
    await using other = await ServiceProcess.start('payment-service', {
      ...{ DATABASE_URL: server.url, DATABASE_SCHEMA: 'shop' },
    });
    await other.waitFor({ msg: 'Database available' });
  });

  test('on a port in use', async () => {
    await using first = await ServiceProcess.start('inventory-service');
    const PORT = String(first.port);
    await using second = new ServiceProcess('payment-service', { PORT });
    expect(await second.exited).toEqual({ code: 1, signal: null });
    expect(second.stderr).toMatch(
      /^payment-service: .*EADDRINUSE.*; set PORT \(.*\) to use another port\n$/,
    );
  });

  test('on a port in use, while it looks for its database', async () => {
    const silent = createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const DATABASE_URL = `postgres://127.0.0.1:${portOf(silent)}/nowhere`;
    const PORT = String(portOf(silent));
    await using service = new ServiceProcess('payment-service', { PORT, DATABASE_URL });
    expect(await service.exited).toEqual({ code: 1, signal: null });
    expect(service.stderr).toMatch(/^payment-service: .*EADDRINUSE.*\n$/);
    silent.close();
  });

  test('on a host that is not this machine', async () => {
    await using service = new ServiceProcess('payment-service', { HOST: '192.0.2.1' });
    expect(await service.exited).toEqual({ code: 1, signal: null });
    expect(service.stderr).toMatch(/^payment-service: .*EADDRNOTAVAIL.*\n$/);
  });
});

import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { portOf } from '../../harness/network.ts';
import { useServer } from '../../harness/use-server.ts';
import { Connection, clientConfig } from '../src/connection.ts';
import { createPool } from '../src/index.ts';

/** AuthenticationCleartextPassword. */
const ASK_FOR_PASSWORD = Buffer.from('520000000800000003', 'hex');

const server = useServer();

test('the password file is read for each connection, and may hold any character', async () => {
  const passwords: string[] = [];
  const asking = createServer((client) => {
    client.once('data', () => {
      client.write(ASK_FOR_PASSWORD);
      client.once('data', (bytes) => {
        passwords.push(bytes.toString('utf8', 5, bytes.length - 1));
        client.destroy();
      });
    });
  });
  await once(asking.listen(0, '127.0.0.1'), 'listening');
  const folder = await mkdtemp(join(tmpdir(), 'secret-'));
  const passwordFile = join(folder, 'password');
  const url = `postgres://postgres@127.0.0.1:${portOf(asking)}/postgres`;
  await using pool = createPool(url, { maxConnections: 1, passwordFile });
  const failure = () => pool.query('select 1').catch((error: unknown) => error);
  for (const password of ['p%a:s/s@w#rd', 'é']) {
    await writeFile(passwordFile, `${password}\n`);
    expect(await failure()).toMatchObject({ name: 'DatabaseUnavailable' });
    expect(passwords.at(-1)).toBe(password);
  }
  await rm(folder, { recursive: true });
  expect(await failure()).toMatchObject({ name: 'DatabaseUnavailable', code: 'password-file' });
  asking.close();
});

test('the server knows the name of the connection, and ends the statement of a client that has gone', async () => {
  const ask = async (url: string) => {
    await using pool = createPool(url, { maxConnections: 1, applicationName: 'service@host' });
    const { rows } = await pool.query("select current_setting('application_name') as name");
    return rows[0]?.name;
  };
  expect(await ask(server.postgres.url)).toBe('service@host');
  expect(await ask(`${server.postgres.url}?application_name=mine`)).toBe('mine');
  await server.ask("alter role postgres set client_connection_check_interval = '0'");
  await using pool = createPool(server.postgres.url, { maxConnections: 1 });
  const { rows } = await pool.query('show client_connection_check_interval');
  await server.ask('alter role postgres reset client_connection_check_interval');
  expect(rows).toEqual([{ client_connection_check_interval: '1s' }]);
});

test('a connection that goes silent after FATAL is closed and replaced', async () => {
  const fatal = Buffer.from('SFATAL\0C57P01\0Mgoing\0\0');
  const header = Buffer.from([0x45, 0, 0, 0, fatal.length + 4]);
  const { port } = new URL(server.postgres.url);
  let isGoing = false;
  const host = createServer((near) => {
    const far = connect(Number(port), '127.0.0.1');
    near.on('data', (bytes) =>
      isGoing ? near.write(Buffer.concat([header, fatal])) : far.write(bytes),
    );
    far.on('data', (bytes) => near.write(bytes));
    near.on('close', () => far.destroy()).on('error', () => {});
  });
  await once(host.listen(0, '127.0.0.1'), 'listening');
  const url = `postgres://postgres@127.0.0.1:${portOf(host)}/postgres`;
  await using pool = createPool(url, { maxConnections: 2, connectTimeoutMs: 1_000 });
  await Promise.all([pool.query('select 1'), pool.query('select 1')]);
  isGoing = true;
  for (const failed of await Promise.allSettled([pool.query('select 2'), pool.query('select 2')])) {
    expect(failed).toMatchObject({ reason: { name: 'DatabaseUnavailable', code: '57P01' } });
  }
  isGoing = false;
  expect((await pool.query('select 3 as three')).rows).toEqual([{ three: 3 }]);
  host.close();
});

test('a connection that has ended already leaves no timer when it is ended again', async () => {
  const timers = () => process.getActiveResourcesInfo().filter((it) => it === 'Timeout').length;
  const connection = new Connection(clientConfig(server.postgres.url, {}));
  await connection.connect();
  const ended = new Promise<void>((resolve) => connection.on('end', resolve));
  connection.destroy();
  await ended;
  const before = timers();
  await connection.end();
  expect(timers()).toBe(before);
});

test('a connection that is closed while its session is compared with another is not opened', async () => {
  const config = clientConfig(server.postgres.url, {});
  const connection = new Connection(config);
  config.sessions.setUp = async () => connection.destroy();
  await expect(connection.connect()).rejects.toThrow('Connection terminated');
});

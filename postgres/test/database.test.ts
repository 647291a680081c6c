import { expect, test } from 'vitest';
import { Feed } from '../../harness/feed.ts';
import { openDatabase } from '../src/database.ts';
import { type Table, Tables } from '../src/index.ts';
import { useServer } from './server.ts';

const THINGS: Table = {
  name: 'things',
  privileges: ['select'],
  columns: ['id text not null'],
  migrations: [(table) => [`create table ${table} (id text primary key)`]],
  unversioned: { columns: [] },
};

const server = useServer();

/** A service's database, as the role, and what it logs, until it is disposed of. */
async function open(role: string) {
  const log = new Feed<string>();
  const leaving = new AbortController();
  const logger = {
    info: (message: string) => log.push(message),
    warn: (message: string) => log.push(message),
    error: (_fields: object, message: string) => log.push(message),
  };
  const url = `${server.postgres.url.replace('postgres@', `${role}@`)}?application_name=${role}`;
  const tables = new Tables('shop', [THINGS]);
  let looks = 0;
  const counting: typeof tables.prepare = (run) => {
    looks += 1;
    return tables.prepare(run);
  };
  const refuse = ({ message }: Error) => log.push(`refused: ${message}`);
  const its = { schema: 'shop', prepare: counting };
  const database = await openDatabase(url, its, 1, logger, leaving.signal, refuse);
  return {
    log,
    database,
    looks: () => looks,
    async [Symbol.asyncDispose]() {
      leaving.abort();
      await database.close();
    },
  };
}

test('without its tables it is not available, says why once, and is available once they are made', async () => {
  await server.ask('create role app login');
  await using service = await open('app');
  await expect.poll(service.looks).toBeGreaterThan(2);
  expect(service.log.items).toEqual([
    expect.stringMatching(/^Database not ready: .* npm run migrate/),
  ]);
  expect(service.database.isAvailable).toBe(false);
  expect(await server.errors()).toEqual([]);
  await using _owner = await open('postgres');
  await service.log.next((line) => line.startsWith('Database not ready: role app needs'));
  await server.ask('grant usage on schema shop to app');
  await server.ask('grant select on all tables in schema shop to app');
  await service.log.next((line) => line === 'Database available');
  expect(service.database.isAvailable).toBe(true);
});

test('a service that has used the database is not ended for what becomes of its tables', async () => {
  await using service = await open('postgres');
  await service.log.next((line) => line === 'Database available');
  await server.ask('update shop.table_versions set version = 9');
  await server.postgres.stop();
  await service.log.next((line) => line.startsWith('Database unavailable'));
  await server.postgres.restart();
  await service.log.next((line) =>
    line.startsWith('Database not ready: shop.things is of version 9'),
  );
  expect(service.log.items.filter((line) => line.startsWith('refused'))).toEqual([]);
  await using other = await open('postgres');
  await other.log.next((line) => line.startsWith('refused: shop.things is of version 9'));
});

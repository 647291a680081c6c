import { createPool, type Pool } from 'request-scope-pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { useServer } from '../../harness/use-server.ts';
import { type Run, type Table, Tables, TablesRefused } from '../src/index.ts';

const THINGS: Table = {
  name: 'things',
  privileges: ['select', 'insert'],
  columns: ['id text not null', 'size integer'],
  migrations: [
    (table) => [`create table ${table} (name text primary key)`],
    (table) => [`alter table ${table} rename name to id`, `alter table ${table} add size int`],
  ],
  unversioned: { columns: ['name text not null'], view: 'id as name' },
};
const FORMER = 'create table public.things (name text primary key)';

const server = useServer();
let owner: Pool;

/** The URL of the test's database, as `role`. */
const urlOf = (role: string, database = 'shop') =>
  server.postgres.url.replace('postgres@', `${role}@`).replace(/postgres$/, database);

/** Prepares the table as the role, in the schema `shop` of the database. */
async function prepare(role: string, database = 'shop', table = THINGS): Promise<void> {
  await using pool = createPool(urlOf(role, database), { maxConnections: 1 });
  const run: Run = async (text, values) => (await pool.query(text, values)).rows;
  await new Tables('shop', [table]).prepare(run);
}

/** The message of the refusal, after `final: ` if it stops the start of a service. */
async function refusal(...args: Parameters<typeof prepare>): Promise<string> {
  const error: unknown = await prepare(...args).then(
    () => 'not refused',
    (reason) => reason,
  );
  if (!(error instanceof TablesRefused)) throw error;
  return `${error.isFinal ? 'final: ' : ''}${error.message}`;
}

beforeEach(async () => {
  if (!server.isThere) return;
  await server.ask('create role owner login');
  await server.ask('create role app login');
  await server.ask('create database shop owner owner');
  owner = createPool(urlOf('owner'), { maxConnections: 1 });
});
afterEach(async () => {
  if (!server.isThere) return;
  await owner.close();
  await server.ask('drop database shop with (force)');
  await server.ask('drop role owner, app');
});

test('tables are created once, and found by a role that may only use them', async () => {
  await prepare('owner');
  await owner.query("insert into shop.things values ('kept')");
  await owner.query('grant usage on schema shop to app');
  await owner.query('grant select on shop.table_versions to app');
  await owner.query('grant select, insert on shop.things to app');
  await prepare('app');
  await prepare('owner');
  expect((await owner.query('select * from shop.things')).rows).toEqual([
    { id: 'kept', size: null },
  ]);
  expect((await owner.query('select * from shop.table_versions')).rows).toEqual([
    { table_name: 'things', version: 2 },
  ]);
});

test('a role that may not create them learns what to run, and the server logs no error', async () => {
  const before = await server.errors();
  const line =
    'the tables of schema shop do not exist yet, or have an earlier version, and role app may not change that: run npm run migrate as a role that may';
  expect(await refusal('app')).toBe(line);
  await owner.query('create schema shop');
  expect(await refusal('app')).toBe(line);
  expect(await server.errors()).toEqual(before);
  await owner.query('grant usage, create on schema shop to app');
  await prepare('app');
});

test('tables that another process creates during the check do not stop a start', async () => {
  await prepare('owner', 'shop', { ...THINGS, name: 'others' });
  await using pool = createPool(urlOf('owner'), { maxConnections: 1 });
  let hasCrossed = false;
  const run: Run = async (text, values) => {
    const { rows } = await pool.query(text, values);
    if (!hasCrossed && text.includes('pg_class')) {
      hasCrossed = true;
      await prepare('owner');
    }
    return rows;
  };
  await new Tables('shop', [THINGS]).prepare(run);
  expect(hasCrossed).toBe(true);
});

test('a role that may not use them learns which privilege it needs', async () => {
  await prepare('owner');
  const needs = [
    ['usage on schema shop', 'grant usage on schema shop to app'],
    ['select on shop.table_versions', 'grant select on shop.table_versions to app'],
    ['select, insert on shop.things', 'grant select on shop.things to app'],
    ['insert on shop.things', 'grant insert on shop.things to app'],
  ] as const;
  for (const [what, grant] of needs) {
    expect(await refusal('app')).toBe(`role app needs ${what}`);
    await owner.query(grant);
  }
  await prepare('app');
});

test.each([
  ['a foreign table', 'create schema shop; create table shop.things (amount int)'],
  ['a foreign view', 'create schema shop; create view shop.things as select 1 as id'],
])('%s of the same name stops a start, and stays as it is', async (_whose, made) => {
  await owner.query(made);
  expect(await refusal('owner')).toBe(
    'final: shop.things is not a table of this service: set DATABASE_SCHEMA to a schema of its own',
  );
  const text = "select count(*)::int from pg_class where relnamespace = 'shop'::regnamespace";
  expect((await owner.query(text)).rows).toEqual([{ count: 1 }]);
});

test('a foreign table_versions stops a start', async () => {
  await owner.query('create schema shop; create table shop.table_versions (installed_rank int)');
  expect(await refusal('owner')).toBe('final: shop.table_versions is not a table of this service');
});

test('a table of a later version stops a start', async () => {
  await prepare('owner');
  await owner.query('update shop.table_versions set version = 3');
  expect(await refusal('owner')).toBe(
    'final: shop.things has version 3, but this version of the service only knows 2',
  );
});

test('a table without one of its columns, or a missing table, stops a start', async () => {
  await prepare('owner');
  await owner.query('alter table shop.things drop size');
  expect(await refusal('owner')).toBe('final: shop.things lacks size integer');
  await owner.query('drop table shop.things');
  expect(await refusal('owner')).toMatch(/^final: shop.things is missing, though /);
});

test('a table with additional columns is accepted', async () => {
  await prepare('owner');
  await owner.query('alter table shop.things add note text');
  await prepare('owner');
});

test('the tables of the previous version are moved, with their rows and privileges', async () => {
  await server.ask('alter database shop owner to app');
  await using former = createPool(urlOf('app'), { maxConnections: 1 });
  await former.query(
    `${FORMER}; insert into things values ('kept'); grant select on things to owner`,
  );
  await prepare('postgres');
  await using replica = createPool(urlOf('owner'), { maxConnections: 1 });
  expect((await replica.query('select name from things')).rows).toEqual([{ name: 'kept' }]);
  await former.query("insert into things values ('by a replica of the version before')");
  await former.query('create table if not exists things (name text primary key)');
  expect((await former.query('select id from shop.things')).rows).toHaveLength(2);
  await prepare('app');
});

test('a table of the previous version that is in the schema already stays there', async () => {
  await owner.query('create schema shop');
  await owner.query(FORMER.replace('public', 'shop'));
  await prepare('owner');
  expect((await owner.query('select id from shop.things')).rows).toEqual([]);
});

test('a foreign table in another schema is left alone', async () => {
  await server.ask('alter database shop owner to app');
  await using other = createPool(urlOf('app'), { maxConnections: 1 });
  await other.query('create table public.things (name text primary key, amount int)');
  await prepare('app');
  expect((await other.query('select * from public.things')).rows).toEqual([]);
  expect((await other.query('select * from shop.things')).rows).toEqual([]);
});

test('two tables of the previous version stop a start: which one counts is unknown', async () => {
  await owner.query('create schema owner');
  await owner.query(FORMER.replace('public', 'owner'));
  await server.ask('alter database shop owner to app');
  await using app = createPool(urlOf('app'), { maxConnections: 1 });
  await app.query(FORMER);
  expect(await refusal('owner')).toBe(
    'final: the previous version has stored things in owner and in public: rename the one that should not be used',
  );
});

test('a table of the previous version off the search path stops a start', async () => {
  await owner.query('create schema hidden');
  await owner.query(FORMER.replace('public', 'hidden'));
  expect(await refusal('owner')).toBe(
    'final: hidden.things has the data of the previous version: set DATABASE_SCHEMA=hidden to use it there',
  );
});

test('neither the search path nor the absence of plpgsql matters', async () => {
  await server.ask('alter role owner set search_path = nowhere');
  await owner.query('create schema nowhere');
  await using superuser = createPool(urlOf('postgres'), { maxConnections: 1 });
  await superuser.query('drop extension plpgsql');
  await prepare('owner');
  await prepare('owner');
});

test('row-level security that hides rows stops a start', async () => {
  await prepare('owner');
  await owner.query('alter table shop.things enable row level security, force row level security');
  expect(await refusal('owner')).toBe(
    'final: row-level security hides rows of shop.things from role owner',
  );
});

test('an encoding that cannot store every id stops a start', async () => {
  await server.ask("create database latin encoding 'LATIN1' template template0");
  expect(await refusal('postgres', 'latin')).toBe(
    "final: the database's encoding is LATIN1, it must be UTF8",
  );
  await server.ask('drop database latin');
});

test('a script that the server refuses is sent once', async () => {
  const broken = { ...THINGS, migrations: [() => ['create table shop.things (id nothing)']] };
  await using pool = createPool(urlOf('owner'), { maxConnections: 1 });
  const tables = new Tables('shop', [broken]);
  const run: Run = async (text, values) => (await pool.query(text, values)).rows;
  const before = await server.errors();
  for (let checks = 0; checks < 3; checks += 1) {
    await expect(tables.prepare(run)).rejects.toThrow(
      /cannot be created or changed \(type "nothing" does not/,
    );
  }
  expect((await server.errors()).slice(before.length)).toHaveLength(1);
});

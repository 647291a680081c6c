import { getEventListeners, once } from 'node:events';
import { connect, createServer } from 'node:net';
import { Client } from 'pg';
import { ClientDisconnected, Scope } from 'request-scope';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { portOf } from '../../harness/network.ts';
import { fatal } from '../../harness/server-message.ts';
import { useServer } from '../../harness/use-server.ts';
import { type Batch, createPool, type Pool } from '../src/index.ts';

const server = useServer();

interface Mark {
  key: string;
  note: string;
  batch: string;
}

/** Returns the transaction that wrote a row: it is the same for all rows of a batch. */
const INSERT = `
  insert into marks (key, note)
  select key, note from unnest($1::text[], $2::text[]) as given (key, note) order by key
  on conflict (key) do update set note = marks.note || excluded.note
  returning key, note, pg_current_xact_id()::text as batch`;

const PATH = encodeURIComponent('-c search_path=orders');

let pool: Pool;
let marks: Batch<Mark>;
let blocker: Client;

const keys = async () =>
  (await server.ask('select key from marks order by key')).rows.map(({ key }) => key);

/** Nothing is written to the table until `blocker` ends its transaction. */
const lockTable = () => blocker.query('begin; lock table marks in exclusive mode');

/** A batch with one write that is under way, and waits for the lock. */
async function oneUnderWay(): Promise<Mark | undefined> {
  await lockTable();
  return await marks.write(['first', '']);
}

beforeEach(async () => {
  if (!server.isThere) return;
  await pool?.close();
  await blocker?.end();
  await server.ask(`
    create schema if not exists orders; drop table if exists marks;
    create table orders.marks (key text primary key check (key <> 'bad'), note text)`);
  const url = `${server.postgres.url}?options=${PATH}`;
  pool = createPool(url, { maxConnections: 4, connectTimeoutMs: 2_000 });
  marks = pool.batch<Mark>(INSERT, { keyColumn: 'key', refusable: false });
  blocker = new Client(url);
  blocker.on('error', () => {});
  await blocker.connect();
});
afterAll(async () => {
  await pool?.close();
  await blocker?.end();
});

test('writes that come while a batch is under way are sent together', async () => {
  const underWay = oneUnderWay();
  await server.runs(INSERT, 1);
  const later = ['a', 'b', 'c'].map((key) => marks.write([key, key]));
  await blocker.query('commit');
  const [first, ...others] = await Promise.all([underWay, ...later]);
  expect(others.map((row) => row?.note)).toEqual(['a', 'b', 'c']);
  expect(new Set(others.map((row) => row?.batch)).size).toBe(1);
  expect(others[0]?.batch).not.toBe(first?.batch);
});

test('a write leaves the line as soon as its scope aborts, and is never sent', async () => {
  const underWay = oneUnderWay();
  await server.runs(INSERT, 1);
  using scope = new Scope();
  const left = marks.write(['left', ''], scope);
  const stays = marks.write(['stays', ''], scope.child(60_000));
  const reason = new ClientDisconnected();
  const alone = new Scope();
  const patient = marks.write(['patient', ''], alone);
  scope.abort(reason);
  await expect(left).rejects.toBe(reason);
  await expect(stays).rejects.toBe(reason);
  await blocker.query('commit');
  await Promise.all([underWay, patient]);
  expect(await keys()).toEqual(['first', 'patient']);
  expect(getEventListeners(alone.signal, 'abort')).toEqual([]);
});

test('a write is not sent with less than a millisecond left, even if the timer is late', async () => {
  const late = { signal: new AbortController().signal, remainingMs: 0 };
  const results = await Promise.allSettled([
    marks.write(['late', ''], late),
    marks.write(['timely', '']),
  ]);
  expect(results).toMatchObject([
    { status: 'rejected', reason: { code: 'deadline-exceeded' } },
    { status: 'fulfilled' },
  ]);
  expect(await keys()).toEqual(['timely']);
});

test('when all who wait for a connection have left, nothing is sent, and the next write is', async () => {
  const busy = createPool(server.postgres.url, { maxConnections: 1 });
  const batch = busy.batch(INSERT, { keyColumn: 'key', refusable: false });
  using blocking = new Scope();
  const blocked = busy.query('select pg_sleep(3600)', [], blocking).catch(() => {});
  using scope = new Scope();
  const left = batch.write(['left', ''], scope);
  const reason = new ClientDisconnected();
  scope.abort(reason);
  await expect(left).rejects.toBe(reason);
  const next = batch.write(['next', '']);
  blocking.abort(reason);
  await blocked;
  await expect(next).rejects.toMatchObject({ code: '42P01' }); // Its search path has no such table.
  await busy.close();
});

test('a write that the database refuses fails no other of its batch', async () => {
  const writes = ['a', 'bad', 'c'].map((key) => marks.write([key, '']));
  const [a, bad, c] = await Promise.allSettled(writes);
  expect([a?.status, c?.status]).toEqual(['fulfilled', 'fulfilled']);
  expect(bad).toMatchObject({ status: 'rejected', reason: { code: '23514' } });
  expect(await keys()).toEqual(['a', 'c']);
});

test('a write that waits for a lock holds up no other for longer than a statement may take', async () => {
  await server.ask("insert into marks values ('locked', '')");
  await blocker.query("begin; select from marks where key = 'locked' for update");
  const [free, locked] = await Promise.allSettled([
    marks.write(['free', '']),
    marks.write(['locked', '']),
  ]);
  expect(free?.status).toBe('fulfilled');
  expect(locked).toMatchObject({
    status: 'rejected',
    reason: { code: '57014', mayBeDone: false },
  });
});

test('a lost connection is an unknown outcome for the writes of its batch and for no other', async () => {
  await lockTable();
  const lost = Promise.allSettled(['a', 'b'].map((key) => marks.write([key, ''])));
  await server.runs(INSERT, 1);
  const { rows } = await server.ask('select pid from pg_stat_activity where query = $1', [INSERT]);
  const ofAnother = pool.batch<Mark>(INSERT, { keyColumn: 'key', refusable: false });
  const other = ofAnother.write(['other', '']);
  await server.runs(INSERT, 2);
  const waiting = marks.write(['waiting', '']);
  await server.ask('select pg_terminate_backend($1)', [rows[0]?.pid]);
  const reason = { name: 'DatabaseUnavailable', mayBeDone: true };
  expect(await lost).toMatchObject([{ reason }, { reason }]);
  await blocker.query('commit');
  await Promise.all([other, waiting]);
  expect(await keys()).toEqual(['other', 'waiting']);
});

test('writes with one key do what statements of their own would: each finds what another has done', async () => {
  const rows = await Promise.all(['1', '2', '3'].map((note) => marks.write(['same', note])));
  expect(rows.map((row) => row?.note.length).sort()).toEqual([1, 2, 3]);
  expect(new Set(rows.map((row) => row?.batch)).size).toBe(3);
});

test('batches of two replicas that lock each other out both succeed', async () => {
  await using other = createPool(server.postgres.url, { maxConnections: 2 });
  const inAnyOrder = INSERT.replace('order by key', '').replace('marks (', 'orders.marks (');
  const theirs = other.batch<Mark>(inAnyOrder, { keyColumn: 'key', refusable: false });
  const ours = pool.batch<Mark>(inAnyOrder, { keyColumn: 'key', refusable: false });
  // Each batch has written its first row before either continues with its second.
  await server.ask(`
    drop sequence if exists orders.begun; create sequence orders.begun;
    create or replace function wait() returns trigger language plpgsql as $wait$
    begin
      if (new.key = 'b') = (new.note = 'o') then
        perform nextval('orders.begun');
        while (select last_value from orders.begun) < 2 loop perform pg_sleep(0.01); end loop;
      end if;
      return new;
    end $wait$;
    create trigger wait before insert on marks for each row execute function wait()`);
  const rows = await Promise.all([
    ...['a', 'b'].map((key) => ours.write([key, 'o'])),
    ...['b', 'a'].map((key) => theirs.write([key, 't'])),
  ]);
  expect(rows.map((row) => row?.key)).toEqual(['a', 'b', 'b', 'a']);
  expect(await server.errors()).toContainEqual(expect.stringContaining('deadlock detected'));
  const { rows: notes } = await server.ask('select note from marks');
  for (const { note } of notes) expect(['ot', 'to']).toContain(note);
});

test('a batch that a server may have done before it failed has an unknown outcome, and is not sent again', async () => {
  const { port } = new URL(server.postgres.url);
  let batches = 0;
  const pooler = createServer((near) => {
    const far = connect(Number(port), '127.0.0.1');
    near.on('data', (bytes) => far.write(bytes));
    let received = Buffer.alloc(0);
    far.on('data', (bytes) => {
      received = Buffer.concat([received, bytes]);
      while (received.length > 4 && received.length > received.readUInt32BE(1)) {
        const message = received.subarray(0, received.readUInt32BE(1) + 1);
        received = received.subarray(message.length);
        if (!message.includes('INSERT 0 2')) near.write(message);
        else {
          batches += 1;
          near.end(fatal('XX000', 'lost its backend'));
        }
      }
    });
    near.on('close', () => far.destroy()).on('error', () => {});
    far.on('error', () => {});
  });
  await once(pooler.listen(0, '127.0.0.1'), 'listening');
  const url = `postgres://postgres@127.0.0.1:${portOf(pooler)}/postgres?options=${PATH}`;
  await using behind = createPool(url, { maxConnections: 1 });
  const batch = behind.batch<Mark>(INSERT, { keyColumn: 'key', refusable: false });
  const reason = { name: 'DatabaseUnavailable', code: 'XX000', mayBeDone: true };
  const lost = await Promise.allSettled(['a', 'b'].map((key) => batch.write([key, key])));
  expect(lost).toMatchObject([{ reason }, { reason }]);
  expect(batches).toBe(1);
  expect((await server.ask('select note from marks order by key')).rows).toEqual([
    { note: 'a' },
    { note: 'b' },
  ]);
  pooler.close();
});

test('writes that are all late are not sent, and the next one is', async () => {
  const late = { signal: new AbortController().signal, remainingMs: 0 };
  const reason = { code: 'deadline-exceeded' };
  await expect(marks.write(['late', ''], late)).rejects.toMatchObject(reason);
  expect((await marks.write(['next', '']))?.key).toBe('next');
  expect((await server.errors()).join()).not.toContain('no parameter');
});

test('when no connection can be opened, all who wait for one are told, however many they are', async () => {
  const closed = createPool('postgres://postgres@127.0.0.1:1/postgres', { maxConnections: 1 });
  const batch = closed.batch<Mark>(INSERT, { keyColumn: 'key', refusable: false });
  const writes = Array.from({ length: 2_500 }, (_, n) => batch.write([`${n}`, '']));
  const reason = { name: 'DatabaseUnavailable', mayBeDone: false };
  for (const result of await Promise.allSettled(writes)) expect(result).toMatchObject({ reason });
  await closed.close();
});

test('a pool that is closed sends the writes in line first, and takes no other', async () => {
  const underWay = oneUnderWay();
  await server.runs(INSERT, 1);
  const inLine = marks.write(['in-line', '']);
  const closed = pool.close();
  await expect(marks.write(['too-late', ''])).rejects.toThrow('the pool is closed');
  await blocker.query('commit');
  await Promise.all([underWay, inLine, closed]);
  expect(await keys()).toEqual(['first', 'in-line']);
});

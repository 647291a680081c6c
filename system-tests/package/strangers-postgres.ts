/** TypeScript: the service of a stranger, which prints its URL. */
export const HANDLER = `
import type { AddressInfo } from 'node:net';
import express from 'express';
import { withTimeout } from 'request-scope';
import { scopeOf, scopes } from 'request-scope/express';
import { createPool } from 'request-scope-pg';

interface Report {
  done: string;
}

const pool = createPool(process.env['DATABASE_URL'] ?? 'postgres://localhost/app');
const app = express().use(scopes());

app.get('/report/:id', async (req, res) => {
  const rows = await withTimeout(scopeOf(res), 60_000, async (scope) => {
    const result = await pool.query<Report>('select * from report($1)', [req.params.id], scope);
    return result.rows;
  });
  res.json(rows.map(({ done }) => done));
});

const server = app.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  console.log('listens on http://127.0.0.1:' + port);
});
`;

/** TypeScript: a program that uses every export, prints nothing if each does what its README says, and ends. */
export const EVERY_EXPORT = `
import { deepStrictEqual, rejects } from 'node:assert/strict';
import { channel } from 'node:diagnostics_channel';
import { DeadlineExceeded, Scope, type ScopeView } from 'request-scope';
import {
  type Batch,
  type BatchOptions,
  type ConnectOptions,
  createPool,
  type DatabaseCancel,
  type DatabaseQuery,
  DatabaseUnavailable,
  listen,
  type Outcomes,
  type Pool,
  type PoolOptions,
  type QueryOptions,
  type ListenOptions,
  TooManyWaiting,
} from 'request-scope-pg';
import { Semaphore, type SemaphoreOptions } from 'request-scope-pg/semaphore';

const url = process.env['DATABASE_URL'] ?? '';
const connect: ConnectOptions = { applicationName: 'stranger', connectTimeoutMs: 5_000 };
const options: PoolOptions = { ...connect, maxConnections: 2, maxWaiting: 1, maxQueryMs: 60_000 };
const pool: Pool = createPool(url, options);

const seen: string[] = [];
channel('tracing:postgres:query:start').subscribe((query) => void seen.push((query as DatabaseQuery).text));
channel('tracing:postgres:cancel:start').subscribe((cancel) => void seen.push((cancel as DatabaseCancel).query.text));

const scope = new Scope(60_000);
const view: ScopeView = scope;
const write: QueryOptions = { uncancelable: true, expectedMs: 1, refusable: false };
await pool.query('delete from visits', [], view, write);
const batchOptions: BatchOptions = { keyColumn: 'id', refusable: true };
const visits: Batch<{ id: string }> = pool.batch<{ id: string }>(
  'insert into visits select * from unnest($1::text[], $2::int[]) as visit (id, pages) returning id',
  batchOptions,
);
deepStrictEqual(await Promise.all([visits.write(['a', 1], scope), visits.write(['b', 2])]), [{ id: 'a' }, { id: 'b' }]);

const short = new Scope(20);
await rejects(pool.query('select pg_sleep(3600)', [], short), DeadlineExceeded);
scope[Symbol.dispose]();
deepStrictEqual(seen.filter((text) => text.includes('3600')).length, 2);

const outcomes: Outcomes = pool.takeOutcomes();
deepStrictEqual(outcomes.failed, 0);
pool.refuse({ code: 'maintenance', cause: new Error('by hand') });
await rejects(pool.query('select 1', [], undefined, { refusable: true }), DatabaseUnavailable);
pool.refuse(undefined);
pool.renew();

const leaving = new AbortController();
const reconnect: ListenOptions = { ...connect, pauseMs: 100, onError: (error) => console.log(error.code) };
await new Promise<void>((resolve) => {
  const received = (payload: string) => payload === 'hello' && resolve();
  void listen(url, 'greetings', received, leaving.signal, reconnect);
  const greet = setInterval(() => void pool.query("select pg_notify('greetings', 'hello')"), 100);
  leaving.signal.addEventListener('abort', () => clearInterval(greet));
}).finally(() => leaving.abort());
await pool.close();

const limits: SemaphoreOptions = { maxWaitMs: 1 };
const semaphore = new Semaphore(1, limits);
await semaphore.acquire();
await rejects(semaphore.run(async () => {}), TooManyWaiting);

// @ts-expect-error nothing internal is public
pool.send;
`;

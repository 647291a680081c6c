import { DatabaseError } from 'pg';
import { DeadlineExceeded, Scope, type ScopeView } from 'request-scope';
import { expect, test } from 'vitest';
import { useServer } from '../../harness/use-server.ts';
import { createPool } from '../src/index.ts';

const LONG = 'select pg_sleep(3600)';

const server = useServer();

/** A scope without a timer: only the server ends the statement. */
function withoutTimer(budgetMs: number): ScopeView {
  const deadline = performance.now() + budgetMs;
  return {
    signal: new AbortController().signal,
    get remainingMs() {
      return Math.max(0, deadline - performance.now());
    },
  };
}

test('at its deadline a query is canceled: DeadlineExceeded', async () => {
  await using pool = createPool(server.postgres.url, { maxConnections: 1 });
  using scope = new Scope(50);
  await expect(pool.query(LONG, [], scope)).rejects.toThrow(DeadlineExceeded);
  await server.stops(LONG);
});

test('without a cancel the server ends it itself: DeadlineExceeded too', async () => {
  await using pool = createPool(server.postgres.url, { maxConnections: 1 });
  await expect(pool.query(LONG, [], withoutTimer(50))).rejects.toThrow(DeadlineExceeded);
});

test('the timeout is up to 28 % above the budget, and each query has its own', async () => {
  await using pool = createPool(server.postgres.url, { maxConnections: 1 });
  const timeoutMs = async (scope?: ScopeView): Promise<number> => {
    const { rows } = await pool.query(
      "select setting::int as ms from pg_settings where name = 'statement_timeout'",
      [],
      scope,
    );
    return rows[0]?.ms;
  };
  for (const budgetMs of [1_000, 60_000, 1_001, 2 ** 30]) {
    const scope = { signal: new AbortController().signal, remainingMs: budgetMs };
    const seen = await timeoutMs(scope);
    expect(seen).toBeGreaterThan(budgetMs);
    expect(seen).toBeLessThanOrEqual(budgetMs * 1.28 + 1);
  }
  expect(await timeoutMs()).toBe(0);
  // On a busy machine a timeout of a millisecond may end even this query.
  const spent = { signal: new AbortController().signal, remainingMs: 0 };
  await expect.poll(() => timeoutMs(spent)).toBe(1);
  using endless = new Scope();
  // And it may end the statement that sets the next timeout.
  await expect.poll(() => timeoutMs(endless)).toBe(0);
});

test('the timeout of one query never stops the next', async () => {
  await using pool = createPool(server.postgres.url, { maxConnections: 1 });
  const spent = { signal: new AbortController().signal, remainingMs: 0 };
  for (let n = 0; n < 50; n += 1) {
    await pool.query('select 1', [], spent).catch(() => {});
    await pool.query('select pg_sleep(0.005)');
  }
});

test("a cancel by an operator is pg's error", async () => {
  await using pool = createPool(server.postgres.url, { maxConnections: 1 });
  using scope = new Scope(3_600_000);
  const failure = pool.query(LONG, [], scope).catch((error: unknown) => error);
  await server.runs(LONG);
  await server.ask('select pg_cancel_backend(pid) from pg_stat_activity where query = $1', [LONG]);
  expect(await failure).toBeInstanceOf(DatabaseError);
  expect(await failure).toMatchObject({ code: '57014' });
});

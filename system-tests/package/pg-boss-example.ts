import { join } from 'node:path';
import { createPool, type Pool } from 'request-scope-pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect } from 'vitest';
import { startCommand } from '../../harness/command.ts';
import { type Postgres, postgresVersion, startPostgres } from '../../harness/postgres.ts';
import { until } from '../../harness/time.ts';
import { scene } from '../support/scene.ts';

const LONG_MS = 60_000;

/** Tests pg-boss.js of the folder `examples()`. Each test starts a worker, and ends it with SIGTERM. */
export function pgBossExample(examples: () => string): void {
  describe('pg-boss.js', () => {
    let server: Postgres;
    let pool: Pool;

    beforeAll(async () => {
      if (!postgresVersion) return;
      server = await startPostgres();
      pool = createPool(server.url, { maxConnections: 1 });
    });
    afterAll(async () => {
      await pool?.close();
      await server?.[Symbol.asyncDispose]();
    });
    beforeEach(({ skip }) => skip(!postgresVersion, 'PostgreSQL is not installed'));
    afterEach(async () => void (await pool?.query('drop schema if exists pgboss cascade')));

    const work = async (ms: number) => {
      const args = [join(examples(), 'pg-boss.js'), `${ms}`];
      const worker = startCommand(process.execPath, args, { DATABASE_URL: server.url });
      const id = await worker.seen(/^[\da-f-]{36}$/m);
      await worker.seen(/work begun/);
      return { ...worker, id };
    };
    const stateOf = async (id: string): Promise<string> => {
      const { rows } = await pool.query('select state from pgboss.job where id = $1', [id]);
      return rows[0]?.state;
    };
    const reaches = (id: string, state: string) =>
      until(state, async () => ((await stateOf(id)) === state ? true : undefined));
    const queries = async (): Promise<number> => {
      const { rows } = await pool.query(
        `select 1 from pg_stat_activity where state = 'active' and query like 'select pg_sleep%'`,
      );
      return rows.length;
    };
    const stop = async ({ child, closed }: Awaited<ReturnType<typeof work>>) => {
      child.kill('SIGTERM');
      expect(await closed).toBe(0);
      expect(await queries()).toBe(0);
    };

    scene('pg-boss.js: SIGTERM with a short job in hand', 'it is completed', async () => {
      const worker = await work(500);
      await stop(worker);
      expect(worker.output()).toContain('work finished');
      expect(await stateOf(worker.id)).toBe('completed');
      return 'completed';
    });

    scene(
      'pg-boss.js: SIGTERM with a long job in hand',
      'its query ends; it is retried',
      async () => {
        const worker = await work(LONG_MS);
        await stop(worker);
        expect(worker.output()).toContain('work stopped');
        expect(await stateOf(worker.id)).toBe('retry');
        return 'retry';
      },
    );

    scene(
      "pg-boss.js: a job's time passes",
      'its query ends; it is retried, then failed',
      async () => {
        const worker = await work(LONG_MS);
        await worker.seen(/work stopped: deadline exceeded/);
        await worker.seen(/(work stopped: deadline exceeded\s+(work begun\s+)?){2}/);
        await reaches(worker.id, 'failed');
        await stop(worker);
        return 'failed, after two attempts';
      },
    );

    scene(
      'pg-boss.js: a job in hand is canceled',
      'its query ends; it stays canceled',
      async () => {
        const worker = await work(LONG_MS);
        await pool.query(`update pgboss.job set state = 'cancelled' where id = $1`, [worker.id]);
        await worker.seen(/work stopped: .* no longer active/);
        expect(await stateOf(worker.id)).toBe('cancelled');
        await stop(worker);
        return 'cancelled';
      },
    );
  });
}

import { createPool, type Pool } from 'request-scope-pg';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { type Postgres, postgresVersion, startPostgres } from './postgres.ts';
import { until } from './time.ts';

const MISSING = 'PostgreSQL is not installed';

/** Starts a PostgreSQL for the tests of a file, which are skipped if it is not installed. */
export function useServer() {
  let server: Postgres | undefined;
  let observer: Pool | undefined;
  const log: string[] = [];
  const started = () => {
    if (!server || !observer) throw new Error('it has not started');
    return { server, observer };
  };
  beforeAll(async () => {
    if (!postgresVersion) {
      process.stderr.write(`${MISSING}: its tests are skipped\n`);
      return;
    }
    server = await startPostgres({}, (line) => log.push(line));
    // The tests' statements name tables of the services without their schema.
    const path = encodeURIComponent('-c search_path=orders,public');
    observer = createPool(`${server.url}?options=${path}`, { maxConnections: 1 });
  });
  afterAll(async () => {
    await observer?.close();
    await server?.[Symbol.asyncDispose]();
  });
  beforeEach(({ skip }) => skip(!postgresVersion, MISSING));

  /** How many connections have `state` and, as their last statement, `text`. */
  const count = async (state: string, text: string): Promise<number> => {
    const where = 'from pg_stat_activity where state = $1 and query = $2';
    const { rows } = await started().observer.query(`select 1 ${where}`, [state, text]);
    return rows.length;
  };
  return {
    isThere: postgresVersion !== undefined,
    get postgres() {
      return started().server;
    },
    /** Runs a statement on a connection that only the tests use. */
    ask: (text: string, values?: unknown[]) => started().observer.query(text, values),
    /** The errors in the log of the server, for all statements so far. */
    async errors() {
      const fence = `end of log ${log.length}`;
      await started()
        .observer.query('select $1::text::int', [fence])
        .catch(() => {});
      await until('its log', async () => log.some((line) => line.includes(fence)) || undefined);
      return log.filter((line) => /ERROR|FATAL|PANIC/.test(line) && !line.includes('end of log'));
    },
    /** Resolves once the server runs `text` `howMany` times. */
    runs: (text: string, howMany = 1) =>
      until(`${howMany} times ${text}`, async () =>
        (await count('active', text)) === howMany ? true : undefined,
      ),
    /** Resolves once the server no longer runs `text`. */
    stops: (text: string) =>
      until(`the end of ${text}`, async () =>
        (await count('active', text)) === 0 ? true : undefined,
      ),
    /** Resolves once the application has no connection. */
    leaves: (application: string) =>
      until(`the end of ${application}`, async () => {
        const text = 'select 1 from pg_stat_activity where application_name = $1';
        const { rowCount } = await started().observer.query(text, [application]);
        return rowCount === 0 ? true : undefined;
      }),
  };
}

import { afterAll, beforeAll, beforeEach } from 'vitest';
import { type Postgres, postgresVersion, startPostgres } from '../../harness/postgres.ts';
import { until } from '../../harness/until.ts';
import { createPool, type Pool } from '../src/index.ts';

const MISSING = 'PostgreSQL is not installed';

/** A PostgreSQL for the tests of a file; where there is none they are skipped. */
export function useServer() {
  let server: Postgres | undefined;
  let eyes: Pool | undefined;
  const log: string[] = [];
  const started = () => {
    if (!server || !eyes) throw new Error('it has not started');
    return { server, eyes };
  };
  beforeAll(async () => {
    if (!postgresVersion) {
      process.stderr.write(`${MISSING}: its tests are skipped\n`);
      return;
    }
    server = await startPostgres({}, (line) => log.push(line));
    // Its statements name tables of the services without their schema.
    const path = encodeURIComponent('-c search_path=orders,public');
    eyes = createPool(`${server.url}?options=${path}`, { maxConnections: 1 });
  });
  afterAll(async () => {
    await eyes?.close();
    await server?.[Symbol.asyncDispose]();
  });
  beforeEach(({ skip }) => skip(!postgresVersion, MISSING));

  /** How many connections have `state` and, as their last statement, `text`. */
  const count = async (state: string, text: string): Promise<number> => {
    const where = 'from pg_stat_activity where state = $1 and query = $2';
    const { rows } = await started().eyes.query(`select 1 ${where}`, [state, text]);
    return rows.length;
  };
  return {
    isThere: postgresVersion !== undefined,
    get postgres() {
      return started().server;
    },
    /** Asks the server, over a connection of the test's own. */
    ask: (text: string, values?: unknown[]) => started().eyes.query(text, values),
    /** What the server calls an error in its log, all that it was asked until now. */
    async errors() {
      const fence = `end of log ${log.length}`;
      await started()
        .eyes.query('select $1::text::int', [fence])
        .catch(() => {});
      await until('its log', async () => log.some((line) => line.includes(fence)) || undefined);
      return log.filter((line) => /ERROR|FATAL|PANIC/.test(line) && !line.includes('end of log'));
    },
    /** Resolves once the server is at work on `howMany` statements `text`. */
    runs: (text: string, howMany = 1) =>
      until(`${howMany} times ${text}`, async () =>
        (await count('active', text)) === howMany ? true : undefined,
      ),
    /** Resolves once the server works on no statement `text`. */
    stops: (text: string) =>
      until(`the end of ${text}`, async () =>
        (await count('active', text)) === 0 ? true : undefined,
      ),
    /** Resolves once the application has no connection. */
    leaves: (application: string) =>
      until(`the end of ${application}`, async () => {
        const text = 'select 1 from pg_stat_activity where application_name = $1';
        const { rowCount } = await started().eyes.query(text, [application]);
        return rowCount === 0 ? true : undefined;
      }),
  };
}

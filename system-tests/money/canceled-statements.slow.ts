import fc from 'fast-check';
import { createPool } from 'request-scope-pg';
import { expect } from 'vitest';
import { postgresVersion, startPostgres } from '../../harness/postgres.ts';
import { cancelEach } from '../../request-scope-pg/test/cancel-each.ts';
import { scene } from '../support/scene.ts';

const STATEMENTS = 1_500;
const SEED = 8;

scene(
  `${STATEMENTS} statements of 3 ms are canceled after 2 to 4 ms (${postgresVersion ?? 'PostgreSQL'})`,
  'no statement that follows on the same connection is stopped',
  async ({ skip }) => {
    skip(!postgresVersion, 'PostgreSQL is not installed');
    await using server = await startPostgres();
    await using pool = createPool(server.url, { maxConnections: 1 });
    const moment = fc.double({ min: 2, max: 4, noNaN: true });
    const momentsMs = fc.sample(fc.noBias(moment), { numRuns: STATEMENTS, seed: SEED });
    const { canceled, finished, killed } = await cancelEach(pool, momentsMs);
    expect(killed).toEqual([]);
    expect(canceled + finished).toBe(STATEMENTS);
    return `${canceled} canceled, ${finished} had finished, 0 of ${STATEMENTS} next ones stopped`;
  },
);

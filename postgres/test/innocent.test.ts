import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createPool } from '../src/index.ts';
import { cancelEach } from './cancel-each.ts';
import { useServer } from './server.ts';

const server = useServer();

test('no cancel meets the statement that comes next on its connection', async () => {
  const moment = fc.double({ min: 2, max: 4, noNaN: true });
  const momentsMs = fc.sample(fc.noBias(moment), { numRuns: 300, seed: 7 });
  await using pool = createPool(server.postgres.url, { maxConnections: 1 });
  const { canceled, finished, killed } = await cancelEach(pool, momentsMs);
  expect(killed).toEqual([]);
  expect(canceled + finished).toBe(300);
  expect(canceled).toBeGreaterThan(0);
});

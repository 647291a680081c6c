import { pino } from 'pino';
import { expect, test } from 'vitest';
import type { Attempts } from '../src/attempts/attempts.ts';
import { recoverOnce } from '../src/recover.ts';
import { Voids } from '../src/voids.ts';

test("an order that is recovered is found by its caller's key", async () => {
  const ids = { productID: '1', orderID: '2', paymentKey: '3', callerKey: 'mine', requestId: '4' };
  const voids = new Voids(async () => {}, { giveUpMs: 60_000, rememberedMs: 60_000 });
  const lines: Record<string, unknown>[] = [];
  const logger = pino({}, { write: (line) => lines.push(JSON.parse(line)) });
  await recoverOnce({ claimAbandoned: async () => [ids] }, voids, logger);
  expect(lines).toMatchObject([{ ...ids, msg: 'Recovering order: 2' }]);
  await voids.finish(new AbortController().signal);
});

test('what is claimed at the moment of a shutdown is left to another process', async () => {
  const leaving = new AbortController();
  const abandoned = { productID: '1', orderID: '2', paymentKey: '3', requestId: '4' };
  const attempts: Pick<Attempts, 'claimAbandoned'> = {
    async claimAbandoned() {
      leaving.abort();
      return [abandoned];
    },
  };
  const voids = new Voids(async () => {}, { giveUpMs: 60_000, rememberedMs: 60_000 });
  const lines: string[] = [];
  const logger = pino({}, { write: (line) => lines.push(line) });
  await recoverOnce(attempts, voids, logger, leaving.signal);
  expect([voids.size, lines]).toEqual([0, []]);
});

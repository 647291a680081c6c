import { describe, expect, test } from 'vitest';
import { TRAPS } from '../run.ts';

/** No Node program sees this one, and neither does ours. */
const UNSEEN = 'A hang-up behind a body that nobody reads';

/** On every Node so far; if one is mended, docs/node-versions.md is to be written anew. */
const ALWAYS_WRONG = ["`req` 'close' once the body was read, client still there", UNSEEN];

/** On Node 20, which changes no more; the later lines may be mended. */
const WRONG_ON_20 = [
  "`res` 'close' of the second of two pipelined requests",
  '`AbortSignal.any([signal, AbortSignal.timeout(ms)])`, the collector runs',
  '`AbortSignal.any([signal])` again and again on a long-lived `signal`',
  '`server.close()` while an answer is on its way, `res.end()` called',
  '`server.close()` and a connection that never sent anything',
];

const CERTAIN = process.version.startsWith('v20.')
  ? [...ALWAYS_WRONG, ...WRONG_ON_20]
  : ALWAYS_WRONG;

describe('in the situations that Node gets wrong', () => {
  test.each(TRAPS.filter(({ name }) => name !== UNSEEN))(
    'this package is right: $name',
    async (trap) => {
      expect(await trap.ours()).toMatchObject({ verdict: 'right' });
    },
  );

  test('this package sees a hang-up behind an unread body once somebody reads it', async () => {
    const trap = TRAPS.find(({ name }) => name === UNSEEN);
    expect(await trap?.ours()).toEqual({ verdict: 'wrong', saw: 'seen once the body is read' });
  });

  test.each(CERTAIN)('Node is wrong: %s', async (name) => {
    const trap = TRAPS.find((one) => one.name === name);
    expect(await trap?.node()).toMatchObject({ verdict: 'wrong' });
  });
});

import { beforeAll, describe, expect, test } from 'vitest';
import { startCommand } from '../../../harness/command.ts';
import { TRAPS } from '../all-traps.ts';

/** No Node program can see this one, and neither can request-scope. */
const UNSEEN = 'A hang-up behind an unread body';

/** Wrong on every Node so far. Once one is fixed, docs/node-versions.md must be generated again. */
const ALWAYS_WRONG = ["`req` 'close' after the body was read, client still connected", UNSEEN];

/** Wrong on Node 20, which no longer changes. The later lines may be fixed. */
const WRONG_ON_20 = [
  "`res` 'close' of the second of two pipelined requests",
  '`AbortSignal.any([signal, AbortSignal.timeout(ms)])` after a garbage collection',
  '`AbortSignal.any([signal])`, called repeatedly on a long-lived `signal`',
  '`server.close()` after `res.end()`, before the client has read the response',
  '`server.close()` with a connection that never sent anything',
];

const CERTAIN = process.version.startsWith('v20.')
  ? [...ALWAYS_WRONG, ...WRONG_ON_20]
  : ALWAYS_WRONG;

const traps = (...args: string[]) =>
  startCommand(process.execPath, ['run.js', 'research/node-traps/traps.ts', ...args]);

describe('npm run traps', () => {
  let output = '';
  let pieces = 0;
  /** What was printed below the name of each trap. */
  let found: Map<string, string>;

  beforeAll(async () => {
    const run = traps();
    run.child.stdout.on('data', () => {
      pieces += 1;
    });
    expect(await run.closed).toBe(0);
    output = run.output();
    const blocks = output.trimEnd().split('\n\n');
    found = new Map(blocks.map((block) => [block.split('\n')[0] ?? '', block]));
  });

  test('prints each trap as soon as it was tried, in 80 columns', () => {
    expect([...found.keys()]).toEqual(TRAPS.map(({ name }) => name));
    expect(pieces).toBeGreaterThan(1);
    expect(output).toMatch(/^`req` 'close' after the body was read.*\n {2}Node \S+ alone +wrong: /);
    expect(Math.max(...output.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(80);
  });

  test.each(TRAPS.filter(({ name }) => name !== UNSEEN))(
    'finds request-scope right: $name',
    ({ name }) => {
      expect(found.get(name)).toMatch(/^ {2}with request-scope +right: /m);
    },
  );

  test('finds that request-scope sees a hang-up behind an unread body once that is read', () => {
    expect(found.get(UNSEEN)).toMatch(
      /^ {2}with request-scope +wrong: seen once the body is read$/m,
    );
  });

  test.each(CERTAIN)('finds Node wrong: %s', (name) => {
    expect(found.get(name)).toMatch(/^ {2}Node \S+ alone +wrong: /m);
  });
});

test('a wrong option is refused in one line', async () => {
  const { closed, output } = traps('--frob');
  expect(await closed).toBe(1);
  expect(output()).toBe("traps: Unknown option '--frob'\n");
});

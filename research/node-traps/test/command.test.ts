import { expect, test } from 'vitest';
import { startCommand } from '../../../harness/command.ts';

const traps = (...args: string[]) =>
  startCommand(process.execPath, ['run.js', 'research/node-traps/traps.ts', ...args]);

test('npm run traps prints each trap as soon as it was tried, in 80 columns', async () => {
  const { child, closed, output } = traps();
  let pieces = 0;
  child.stdout.on('data', () => {
    pieces += 1;
  });
  expect(await closed).toBe(0);
  expect(pieces).toBeGreaterThan(1);
  expect(output()).toMatch(/^`req` 'close' once the body was read.*\n {2}Node \S+ alone +wrong: /);
  expect(
    Math.max(
      ...output()
        .split('\n')
        .map(({ length }) => length),
    ),
  ).toBeLessThanOrEqual(80);
});

test('a wrong option is refused in one line', async () => {
  const { closed, output } = traps('--frob');
  expect(await closed).toBe(1);
  expect(output()).toBe("traps: Unknown option '--frob'\n");
});

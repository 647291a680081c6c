import { expect, test } from 'vitest';
import { startCommand } from '../../harness/command.ts';
import { LOADER } from '../../processes/repository.ts';

/** Runs `npm run demo -- …` with its output in a pipe. */
async function demo(...args: string[]): Promise<{ code: number; output: string }> {
  const { closed, output } = startCommand(process.execPath, [...LOADER, 'demo/demo.ts', ...args]);
  return { code: await closed, output: output() };
}

test('the demo plays a scene, keeps its promise, and prints plain text of at most 80 columns', async () => {
  const { code, output } = await demo('--fast', '--scene', '2');
  expect(output).not.toMatch(/NOT KEPT|undefined|NaN/);
  expect(output.match(/│ yes/g)).toHaveLength(1);
  expect(Math.max(...output.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(80);
  expect(output).not.toContain('\u001b');
  expect(code).toBe(0);
});

test.each([
  ['--scene', '7', /--scene must be 1 to 6/],
  ['--slow', '', /Unknown option '--slow'/],
])('the demo refuses %s %s in one line', async (option, value, message) => {
  const { code, output } = await demo(...[option, value].filter(Boolean));
  expect(output.trim()).toMatch(message);
  expect(output.trim()).not.toContain('\n');
  expect(code).toBe(1);
});

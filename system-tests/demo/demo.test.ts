import { expect, test } from 'vitest';
import { startCommand } from '../../harness/command.ts';
import { LOADER } from '../../processes/repository.ts';

/** Runs `npm run demo -- …` with its output in a pipe. */
async function demo(...args: string[]): Promise<{ code: number; output: string }> {
  const { closed, output } = startCommand(process.execPath, [...LOADER, 'demo/demo.ts', ...args]);
  return { code: await closed, output: output() };
}

test('the demo plays a scene in both systems, keeps its promise, and prints plain text of 80 columns', async () => {
  const { code, output } = await demo('--fast', '--scene', '2');
  expect(output).not.toMatch(/BROKEN|undefined|NaN/);
  expect(output).not.toContain('\u001b');
  expect(Math.max(...output.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(80);
  const stopped = String.raw`(?:< 1|\d+) ms`;
  expect(output).toMatch(/^ +0 s .* s$/m);
  expect(output).toMatch(/^client +━+ ✕ hangs up$/m);
  expect(output).toMatch(new RegExp(`^inventory +━+░* ✓ stopped ${stopped} later$`, 'm'));
  expect(output).toMatch(/^payment$/m);
  expect(output).toMatch(/^usual way +━+░* charged anyway$/m);
  expect(output).toMatch(
    new RegExp(`✓ promise kept: all work stopped ${stopped} after the hang-up; not charged`),
  );
  const row = String.raw`^✓ 2 Hang-up during the check +after ${stopped} +not charged +(\d\.\d s more, )?charged$`;
  expect(output).toMatch(new RegExp(row, 'm'));
  expect(output).toMatch(/^this repository .* charges for failed orders: 0$/m);
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

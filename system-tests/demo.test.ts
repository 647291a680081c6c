import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { tether } from '../harness/tether.ts';

/** Runs what `npm run demo -- …` runs, with its output going to a pipe. */
async function demo(...args: string[]): Promise<{ code: number; output: string }> {
  const command = ['--import', 'tsx', 'demo/demo.ts', ...args];
  const child = tether(spawn(process.execPath, command));
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  }
  const [code] = await once(child, 'close');
  return { code, output };
}

test('the demo keeps its six promises, in plain text of 80 columns', {
  timeout: 120_000,
}, async () => {
  const { code, output } = await demo('--fast');
  expect(output).not.toMatch(/NOT KEPT|undefined|NaN/);
  expect(output.match(/│ yes/g)).toHaveLength(6);
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

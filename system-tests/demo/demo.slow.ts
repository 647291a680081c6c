import { expect } from 'vitest';
import { startCommand } from '../../harness/command.ts';
import { LOADER } from '../../processes/repository.ts';
import { scene } from '../support/scene.ts';

scene('the demo at four times the speed', 'it keeps its six promises', async () => {
  const args = [...LOADER, 'demo/demo.ts', '--fast'];
  const { closed, output } = startCommand(process.execPath, args);
  expect(await closed).toBe(0);
  expect(output()).not.toMatch(/BROKEN|undefined|NaN/);
  expect(output().match(/^✓ \d /gm)).toHaveLength(6);
  expect(output().match(/✓ promise kept/g)).toHaveLength(6);
  expect(
    Math.max(
      ...output()
        .split('\n')
        .map(({ length }) => length),
    ),
  ).toBeLessThanOrEqual(80);
  return 'six of six kept, in 80 columns';
});

scene('`npm run demo | head`', 'it exits without a message', async () => {
  const args = [...LOADER, 'demo/demo.ts', '--fast', '--scene', '1'];
  const { child, closed, seen, output } = startCommand(process.execPath, args);
  await seen(/Watch:/);
  child.stdout.destroy();
  const before = output();
  expect(await closed).toBe(0);
  expect(output()).toBe(before);
  return 'exit code 0, no stack';
});

import { expect, test } from 'vitest';
import { startCommand } from '../../harness/command.ts';
import { LOADER } from '../../processes/repository.ts';

test('where a service does not start, npm run live ends what has started, and itself', async () => {
  const env = { LIVE_PORT: '0', TRANSPILED: '/nowhere' };
  const live = startCommand(process.execPath, [...LOADER, 'demo/live/live.ts'], env);
  expect(await live.closed).toBe(1);
  expect(live.output()).toMatch(/^live: \w+-service/);
});

test('npm run live refuses a port that is none in one line', async () => {
  const env = { LIVE_PORT: 'none' };
  const live = startCommand(process.execPath, [...LOADER, 'demo/live/live.ts'], env);
  expect(await live.closed).toBe(1);
  const line = 'live: LIVE_PORT is "none", it must be an integer from 0 to 65535\n';
  expect(live.output()).toBe(line);
});

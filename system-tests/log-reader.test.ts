import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { send } from './harness/client.ts';
import { LOADER, ROOT } from './harness/service-process.ts';
import { tether } from './harness/tether.ts';

const FILE = 'inventory-service/src/server.ts';

test.each(['json', 'pretty'])(
  'a service whose log nobody reads any more finishes its work and leaves (%s)',
  async (LOG_FORMAT) => {
    const env = { PATH: process.env.PATH, PORT: '0', CHECK_DURATION_MS: '1000', LOG_FORMAT };
    const stdio = ['ignore', 'pipe', 'inherit'] as const;
    const service = tether(
      spawn(process.execPath, [...LOADER, FILE], {
        cwd: ROOT,
        env,
        stdio: [...stdio],
      }),
    );
    onTestFinished(() => void service.kill('SIGKILL'));
    const exited = once(service, 'exit');
    let log = '';
    while (!/Listening on (\S+:\d+)/.test(log)) log += (await once(service.stdout, 'data'))[0];
    const url = /Listening on (http:\S+:\d+)/.exec(log)?.[1];
    const { answer } = send(`${url}/check?productID=7`);
    await send(`${url}/health`).answer; // the check was accepted before it
    service.stdout.destroy();
    service.kill('SIGTERM');
    expect(await answer).toMatchObject({ status: 200, body: 'Product 7 is available' });
    expect(await exited).toEqual([0, null]);
  },
);

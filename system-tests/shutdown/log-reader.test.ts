import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { send } from '../../harness/clients.ts';
import { programVariables } from '../../harness/environment.ts';
import { startSystem } from '../../harness/system.ts';
import { tether } from '../../harness/tether.ts';
import { ask, spawnProgram } from '../../processes/program.ts';
import { LOADER, programArgs, ROOT } from '../../processes/repository.ts';
import { FULL_STDOUT } from '../support/full-stdout.ts';

const ORDERS = 200;

test.each(['json', 'pretty'])(
  'a service whose log reader is gone finishes its work and exits (%s)',
  async (LOG_FORMAT) => {
    const env = programVariables({ PORT: '0', CHECK_DURATION_MS: '300', LOG_FORMAT });
    const stdio = ['ignore', 'pipe', 'inherit'] as const;
    const service = tether(
      spawn(process.execPath, programArgs('inventory-service/src/server'), {
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
    await send(`${url}/health`).answer; // the check was accepted before this one
    service.stdout.destroy();
    service.kill('SIGTERM');
    expect(await answer).toMatchObject({ status: 200, body: 'Product 7 is available' });
    expect(await exited).toEqual([0, null]);
  },
);

/** Lets Node write a warning to stderr at SIGTERM. */
const WARN = `data:text/javascript,process.on('SIGTERM', () => process.emitWarning('leaving'))`;

test.runIf(process.platform === 'linux').each([
  ['does not read', 'pipe', FULL_STDOUT],
  ['is a full disk', '/dev/full', WARN],
])('a service whose log reader %s answers, and exits in time', async (_, reader, preload) => {
  const options = [...LOADER, '--import', preload];
  const env = programVariables({ PORT: '0', CHECK_DURATION_MS: '0' });
  const output =
    reader === 'pipe' ? {} : { stdout: openSync(reader, 'w'), stderr: openSync(reader, 'w') };
  const run = { env, options, ...output };
  const service = tether(spawnProgram('inventory-service/src/server', run));
  onTestFinished(() => void service.kill('SIGKILL'));
  const exited = once(service, 'exit');
  const { port } = await ask(service, 'address');
  const url = `http://127.0.0.1:${port}`;
  expect(await send(`${url}/check?productID=7`).answer).toMatchObject({ status: 200 });
  expect(await send(`${url}/health`).answer).toMatchObject({ status: 200 });
  service.kill('SIGTERM');
  expect(await exited).toEqual([0, null]);
});

test('an answered order has its log line even if order-service is killed right after', async () => {
  await using system = await startSystem({ CHECK_DURATION_MS: '20', PAYMENT_DURATION_MS: '20' });
  const { order } = system;
  const answered: string[] = [];
  const place = async (_: unknown, n: number) => {
    const { requestId, answer } = send(`${order.url}/order?orderID=${n}`);
    if ((await answer).status === 200) answered.push(requestId);
    if (answered.length === ORDERS / 4) order.signal('SIGKILL');
  };
  await Promise.allSettled(Array.from({ length: ORDERS }, place));
  await order.exited;
  const logged = order.find({ msg: 'Order successfully processed' });
  expect(answered.length).toBeGreaterThanOrEqual(ORDERS / 4);
  expect(logged.map(({ requestId }) => requestId)).toEqual(expect.arrayContaining(answered));
});

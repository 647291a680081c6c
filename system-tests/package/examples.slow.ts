import { cp, symlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect } from 'vitest';
import { output } from '../../harness/command.ts';
import { ROOT } from '../../processes/repository.ts';
import { scene } from '../support/scene.ts';
import { installPacked, type Packed } from './packed.ts';
import { type RunningExample, SERVED_EXAMPLES, startExample } from './served-examples.ts';

const INSTALL_MS = 300_000;
const BUDGET = { 'x-envoy-expected-rq-timeout-ms': '200' };
const LONG_MS = 60_000;

let packed: Packed;
let examples: string;
let failure: string | undefined;

beforeAll(async () => {
  packed = await installPacked();
  examples = join(packed.folder, 'examples');
  const filter = (path: string) => basename(path) !== 'node_modules';
  await cp(join(ROOT, 'request-scope/examples'), examples, { recursive: true, filter });
  await symlink(packed.installed, join(packed.folder, 'dist')); // where package.json expects request-scope
  failure = await output(['npm', 'ci', '--ignore-scripts'], { cwd: examples }).then(
    () => undefined,
    (error) => `npm cannot install the packages of the examples: ${error.message}`,
  );
}, INSTALL_MS);
afterAll(() => packed[Symbol.asyncDispose]());

beforeEach(({ skip }) => skip(failure !== undefined, failure));

for (const { file, ...example } of SERVED_EXAMPLES) {
  describe(file, () => {
    const { command = [process.execPath, basename(file)], lateStatus = 504, more } = example;
    const { ask = (url, ms, init) => fetch(`${url}/report?ms=${ms}`, init) } = example;
    let running: RunningExample;

    beforeAll(async () => {
      if (!failure) running = await startExample(command, join(examples, dirname(file)));
    });
    afterAll(() => running?.child.kill('SIGKILL'));

    const request = async (ms: number, init: RequestInit = {}) => {
      const answer = await ask(running.url, ms, init);
      return { status: answer.status, text: await answer.text() };
    };
    const report = { status: 200, text: expect.stringContaining('the report') };

    scene(`${file}: clients wait, twelve in a row`, 'each gets its answer', async () => {
      for (let times = 0; times < 12; times += 1) expect(await request(1)).toEqual(report);
      return 'twelve reports';
    });

    scene(`${file}: a client hangs up`, 'the work stops', async () => {
      const client = new AbortController();
      const hungUp = request(LONG_MS, { signal: client.signal }).catch(() => performance.now());
      await running.logged('work begun');
      client.abort();
      const at = await hungUp;
      await running.logged('work stopped: client disconnected');
      return `stopped ${Math.round(performance.now() - Number(at))} ms later`;
    });

    scene(
      `${file}: the time is up`,
      `the work stops, and the status is ${lateStatus}`,
      async () => {
        const { status, text } = await request(LONG_MS, { headers: BUDGET });
        expect(status).toBe(lateStatus);
        await running.logged('work stopped: deadline exceeded');
        return `${status}, ${text}`;
      },
    );

    more?.(() => running);

    scene(`${file}: SIGTERM`, 'it answers first, then ends by itself', async () => {
      const inFlight = request(500);
      await running.logged('work begun');
      running.child.kill('SIGTERM');
      expect(await inFlight).toEqual(report);
      const code = await running.closed;
      expect({ code, warnings: running.warnings() }).toEqual({ code: 0, warnings: '' });
      return 'the report, exit code 0, nothing on stderr';
    });
  });
}

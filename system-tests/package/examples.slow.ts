import { cp } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect } from 'vitest';
import { output } from '../../harness/command.ts';
import { ROOT } from '../../processes/repository.ts';
import { scene } from '../support/scene.ts';
import { installPacked, type Packed } from './packed.ts';
import { pgBossExample } from './pg-boss-example.ts';
import { commandOn } from './runtimes.ts';
import {
  type RunningExample,
  SERVED_EXAMPLES,
  type ServedExample,
  startExample,
} from './served-examples.ts';

const INSTALL_MS = 300_000;
const BUDGET = { 'x-envoy-expected-rq-timeout-ms': '200' };
/** The last versions that are CommonJS. */
const NEST_11 = [
  'common@11.2.10',
  'core@11.2.10',
  'platform-express@11.2.10',
  'platform-fastify@11.2.8',
];
const LATE = 'deadline exceeded';
const LONG_MS = 60_000;
/** The examples' own limit: a drain that takes as long has waited for something that did not end. */
const DRAIN_MS = 8_000;

let packed: Packed;
let packedPg: Packed;
let examples: string;
let failure: string | undefined;

beforeAll(async () => {
  packed = await installPacked();
  packedPg = await installPacked('request-scope-pg');
  examples = join(packed.folder, 'request-scope/examples');
  await cp(join(ROOT, 'request-scope/examples'), examples, { recursive: true, filter: isSource });
  await cp(join(examples, 'nest'), join(examples, 'nest-11'), { recursive: true });
  // Where package.json expects them.
  for (const { installed } of [packed, packedPg]) {
    await cp(installed, join(packed.folder, basename(installed), 'dist'), { recursive: true });
  }
  try {
    await installPackages();
  } catch (error) {
    if (!/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT/.test(String(error))) throw error;
    failure = `npm cannot reach its registry: ${error}`;
  }
}, INSTALL_MS);
afterAll(async () => {
  for (const each of [packed, packedPg]) await each[Symbol.asyncDispose]();
});

/** Whether a copy needs it: what was installed or uploaded by hand stays behind. */
function isSource(path: string): boolean {
  return !['node_modules', 'uploads'].includes(basename(path));
}

async function installPackages(): Promise<void> {
  const npm = (folder: string, ...args: string[]) =>
    output(['npm', ...args, '--ignore-scripts', '--no-audit'], { cwd: join(examples, folder) });
  await npm('.', 'ci');
  await npm('nest', 'ci');
  await npm('nest-11', 'install', ...NEST_11.map((name) => `@nestjs/${name}`));
}

beforeEach(({ skip }) => skip(failure !== undefined, failure));

/** GET /report, as most examples have it. */
const getReport: ServedExample['ask'] = (url, ms, init) => fetch(`${url}/report?ms=${ms}`, init);

scene('the TypeScript of nest/', 'compiles', async () => {
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
  for (const folder of ['nest', 'nest-11']) {
    const types = join(ROOT, 'node_modules/@types');
    await output([process.execPath, tsc, '--typeRoots', types], { cwd: join(examples, folder) });
  }
  return 'with Nest 11 and 12';
});

for (const example of SERVED_EXAMPLES) {
  const { file, name = file, command = [process.execPath, basename(file)] } = example;
  const { runtime, ask = getReport, endless, more } = example;
  const { lateStatus = 504, lateText = LATE, lateCause = LATE } = example;

  describe(name, () => {
    let running: RunningExample;

    beforeAll(async () => {
      if (failure) return;
      const found = runtime ? await commandOn(runtime, basename(file)) : command;
      if (found) running = await startExample(found, join(examples, dirname(file)));
    });
    beforeEach(({ skip }) => skip(!running, `npm cannot install ${runtime?.name}`));
    afterAll(() => running?.child.kill('SIGKILL'));

    const request = async (ms: number, init: RequestInit = {}) => {
      const answer = await ask(running.url, ms, init);
      return { status: answer.status, text: await answer.text() };
    };
    const report = { status: 200, text: expect.stringContaining('the report') };

    scene(`${name}: clients wait, twelve in a row`, 'each gets its answer', async () => {
      for (let times = 0; times < 12; times += 1) {
        expect(await request(1)).toEqual(report);
        await running.logged('work finished');
      }
      return 'twelve reports';
    });

    scene(`${name}: a client hangs up`, 'the work stops', async () => {
      const client = new AbortController();
      const hungUp = request(LONG_MS, { signal: client.signal }).catch(() => performance.now());
      await running.logged('work begun');
      client.abort();
      const at = await hungUp;
      await running.logged('work stopped: client disconnected');
      return `stopped ${Math.round(performance.now() - Number(at))} ms later`;
    });

    scene(`${name}: the time is up`, `the work stops, with ${lateStatus}`, async () => {
      const { status, text } = await request(LONG_MS, { headers: BUDGET });
      expect(text).toContain(lateText);
      expect(status).toBe(lateStatus);
      await running.logged(`work stopped: ${lateCause}`);
      return `${status}, ${text}`;
    });

    if (endless) {
      scene(`${name}: the client of a stream without an end hangs up`, 'it ends', async () => {
        const stream = await fetch(running.url + endless);
        expect(stream.status).toBe(200);
        await stream.body?.cancel();
        await running.logged(`${endless} stopped: client disconnected`);
        return 'client disconnected';
      });

      scene(`${name}: the budget of such a stream is spent`, 'it ends', async () => {
        const stream = await fetch(running.url + endless, { headers: BUDGET });
        await stream.text();
        await running.logged(`${endless} stopped: deadline exceeded`);
        return 'deadline exceeded';
      });
    }

    more?.(() => running);

    scene(`${name}: SIGTERM`, 'it answers first, then ends by itself', async () => {
      const inFlight = request(500);
      await running.logged('work begun');
      const stream = endless && (await fetch(running.url + endless));
      const at = performance.now();
      running.child.kill('SIGTERM');
      expect(await inFlight).toEqual(report);
      if (stream) {
        await stream.text();
        await running.logged(`${endless} stopped: service shutting down`);
      }
      const code = await running.closed;
      expect({ code, warnings: running.warnings() }).toEqual({ code: 0, warnings: '' });
      expect(performance.now() - at).toBeLessThan(DRAIN_MS);
      return 'the report, exit code 0, nothing on stderr';
    });
  });
}

pgBossExample(() => examples);

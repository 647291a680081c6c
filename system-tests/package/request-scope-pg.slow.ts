import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect } from 'vitest';
import { output, startCommand } from '../../harness/command.ts';
import { useServer } from '../../harness/use-server.ts';
import { ROOT } from '../../processes/repository.ts';
import { scene } from '../support/scene.ts';
import { pack } from './packed.ts';
import { EVERY_EXPORT, HANDLER } from './strangers-postgres.ts';

const NODES = ['20.19.0', '26'];
const INSTALL_MS = 120_000;
const REPORT = 'select * from report($1)';
const SET_UP = `
  create table finished (id text);
  create table visits (id text primary key, pages int);
  create function report(id text) returns table (done text) language plpgsql as $$
  begin
    perform pg_sleep(case id when 'short' then 0.5 when 'long' then 3600 end);
    insert into finished values (report.id);
    return query select report.id;
  end $$`;

const server = useServer();
let folder: string;
let tarballs: string[];

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'stranger-')));
  tarballs = [await pack('request-scope', folder), await pack('request-scope-pg', folder)];
  if (server.isThere) await server.ask(SET_UP);
}, INSTALL_MS);
afterAll(() => rm(folder, { recursive: true }));

/** Makes a project with the two tarballs and `packages`. Resolves with why it cannot be made. */
async function makeProject(name: string, packages: string[]): Promise<string | undefined> {
  const cwd = join(folder, name);
  await mkdir(cwd);
  await writeFile(join(cwd, 'package.json'), '{ "private": true, "type": "module" }');
  const install = ['npm', 'install', '--ignore-scripts', ...tarballs, 'pg', 'express@5'];
  return await output([...install, ...packages], { cwd }).then(
    () => undefined,
    (error) => `npm cannot install them: ${error}`,
  );
}

/** Starts a program of a project. Resolves with its URL. */
async function start(node: string, project: string, program: string) {
  const env = { DATABASE_URL: server.postgres.url, PORT: '0' };
  const started = startCommand(node, [program], env, join(folder, project));
  const url = await started.seen(/listens on (\S+)/);
  return {
    ...started,
    url,
    /** Asks for a report, and hangs up once the database works at it. */
    async hangUp(id: string) {
      const client = new AbortController();
      const answer = fetch(`${url}/report/${id}`, { signal: client.signal });
      await server.runs(REPORT);
      client.abort();
      await expect(answer).rejects.toThrow('aborted');
    },
    async [Symbol.asyncDispose]() {
      started.child.kill('SIGKILL');
      await started.closed;
    },
  };
}

const pathOfNode = (version: string) =>
  output(['npx', '-y', `node@${version}`, '-p', 'process.execPath']);

const isFinished = async (id: string) =>
  (await server.ask('delete from finished where id = $1 returning id', [id])).rowCount === 1;

/** A program of the README that prints its URL. */
function program(code: string): string {
  const listen = `const listening = app.listen(Number(process.env.PORT), '127.0.0.1', () =>
    console.log('listens on http://127.0.0.1:' + listening.address().port));`;
  return code.replace('app.listen(8080);', listen);
}

describe('JavaScript', () => {
  let failure: string | undefined;
  beforeAll(async () => {
    failure = await makeProject('javascript', []);
    const readme = await readFile(join(ROOT, 'request-scope-pg/README.md'), 'utf8');
    const blocks = [...readme.matchAll(/^```(?:js|diff)\n(.*?)^```/gms)].map(
      ([, code = '']) => code,
    );
    const [before = '', diff = '', answers = ''] = blocks;
    const side = (mark: string) =>
      diff
        .split('\n')
        .filter((line) => line[0] !== mark)
        .map((line) => line.slice(1))
        .join('\n');
    expect(side('+')).toBe(before);
    const project = join(folder, 'javascript');
    await writeFile(join(project, 'before.js'), program(before));
    await writeFile(join(project, 'after.js'), program(side('-') + answers));
  }, INSTALL_MS);
  beforeEach(({ skip }) => skip(failure !== undefined, failure));

  scene("the README's handler before the change", 'goes on after a hang-up', async () => {
    await using service = await start(process.execPath, 'javascript', 'before.js');
    await service.hangUp('short');
    await expect.poll(() => isFinished('short')).toBe(true);
    return 'the report was finished for nobody';
  });

  for (const version of NODES) {
    scene(`… and after it, Node ${version}`, 'stops at the hang-up', async ({ skip }) => {
      const node = await pathOfNode(version).catch(() =>
        skip(`npm cannot install node@${version}`),
      );
      await using service = await start(node, 'javascript', 'after.js');
      const answer = await fetch(`${service.url}/report/short`);
      expect(await answer.json()).toEqual([{ done: 'short' }]);
      await service.hangUp('long');
      await server.stops(REPORT);
      const headers = { 'x-envoy-expected-rq-timeout-ms': '50' };
      expect((await fetch(`${service.url}/report/long`, { headers })).status).toBe(504);
      await server.stops(REPORT);
      expect(await isFinished('long')).toBe(false);
      return `it stopped, on ${await output([node, '--version'])}`;
    });
  }
});

describe.each([
  ['TypeScript 5.9', 'typescript@5.9', '@types/node@20'],
  ['TypeScript 7', 'typescript@7', '@types/node'],
])('%s', (name, ...packages) => {
  const project = name.replace(' ', '-');
  let failure: string | undefined;
  beforeAll(async () => {
    failure = await makeProject(project, [...packages, '@types/pg', '@types/express']);
  }, INSTALL_MS);
  beforeEach(({ skip }) => skip(failure !== undefined, failure));

  scene(`${name}, strict`, 'compiles without skipLibCheck', async () => {
    const cwd = join(folder, project);
    await writeFile(join(cwd, 'handler.ts'), HANDLER);
    await writeFile(join(cwd, 'every-export.ts'), EVERY_EXPORT);
    const compilerOptions = {
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      skipLibCheck: false,
      target: 'es2022',
      module: 'nodenext',
      types: ['node'],
    };
    const files = ['handler.ts', 'every-export.ts'];
    await writeFile(join(cwd, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }));
    expect(await output([process.execPath, 'node_modules/typescript/bin/tsc'], { cwd })).toBe('');
    return 'no complaint';
  });

  for (const version of NODES) {
    scene(`… on Node ${version}`, 'every export works; a hang-up stops it', async ({ skip }) => {
      const node = await pathOfNode(version).catch(() =>
        skip(`npm cannot install node@${version}`),
      );
      const env = { DATABASE_URL: server.postgres.url };
      const every = startCommand(node, ['every-export.js'], env, join(folder, project));
      expect({ code: await every.closed, output: every.output() }).toEqual({ code: 0, output: '' });
      await using service = await start(node, project, 'handler.js');
      await service.hangUp('long');
      await server.stops(REPORT);
      return 'it stopped';
    });
  }
});

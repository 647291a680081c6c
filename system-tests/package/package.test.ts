import { cp, readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { output, startCommand } from '../../harness/command.ts';
import { ROOT } from '../../processes/repository.ts';
import { BARE_CONSUMER, compile, load, OFFERED } from './consumers.ts';
import { EXAMPLE_LINES } from './example-lines.ts';
import { installPacked, type Packed } from './packed.ts';
import { SERVED_EXAMPLES } from './served-examples.ts';

const MODULES = [
  'answer',
  'budget',
  'cause',
  'close-with-answer',
  'connections',
  'express',
  'fastify',
  'fetch',
  'graceful-shutdown',
  'index',
  'register',
  'request-scope',
  'scope',
  'testing',
];
const BUILT = ['d.ts', 'js', 'js.map'];
const EXAMPLES = join(ROOT, 'request-scope/examples');

const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
const bin = (name: string) => join(ROOT, 'node_modules/.bin', name);

let packed: Packed;

beforeAll(async () => {
  packed = await installPacked();
  await packed.link('@types/node', '@types/express', 'express', 'fastify');
  await packed.link('hono', '@hono/node-server', 'p-retry');
});
afterAll(() => packed[Symbol.asyncDispose]());

test('it depends on nothing', async () => {
  const manifest = JSON.parse(await readFile(join(packed.installed, 'package.json'), 'utf8'));
  const needs = Object.keys(manifest).filter((key) => /dependencies/i.test(key));
  expect(needs).toEqual([]);
});

test('it contains the built modules and pages, and no test', async () => {
  const files = await output(['tar', '-tzf', packed.tarball]);
  const built = MODULES.flatMap((name) => BUILT.map((kind) => `${name}.${kind}`));
  const pages = ['CHANGELOG.md', 'LICENSE', 'README.md', 'package.json'];
  const expected = [...built, ...pages].map((file) => `package/${file}`);
  expect(files.split('\n').sort()).toEqual(expected.sort());
});

test.each(['import.mjs', 'require.cjs'] as const)('%s finds every entry', async (file) => {
  expect(await load(packed.folder, process.execPath, file)).toBe(OFFERED);
});

test('its types compile for an ES module under nodenext, without skipLibCheck', async () => {
  const { folder } = packed;
  const options = { module: 'nodenext', types: ['node'] };
  expect(await compile({ folder, tsc }, 'mts', options)).toBe('');
});

test("its types load Node's, even if `types` does not name them", async () => {
  const { folder } = packed;
  const options = { module: 'nodenext', types: [] };
  expect(await compile({ folder, tsc, consumer: BARE_CONSUMER }, 'mts', options)).toBe('');
});

test('publint and attw find nothing wrong with it', async () => {
  const { tarball } = packed;
  const publint = await output([bin('publint'), tarball, '--level', 'warning']);
  expect(publint).toMatch(/All good!$/);
  await output([bin('attw'), tarball, '--profile', 'esm-only', '--quiet']);
});

describe('each example runs, and prints what its comment says', () => {
  const filter = (path: string) => basename(path) !== 'node_modules';

  beforeAll(() => cp(EXAMPLES, join(packed.folder, 'examples'), { recursive: true, filter }));

  test.each(Object.entries(EXAMPLE_LINES))('%s', async (file, lines) => {
    const args = [join('examples', file)];
    const { closed, output } = startCommand(process.execPath, args, {}, packed.folder);
    expect({ code: await closed, lines: output().trim().split('\n') }).toEqual({ code: 0, lines });
  });

  test('every example has a test', async () => {
    const files = (await readdir(EXAMPLES)).filter((file) => file.endsWith('.js'));
    const served = SERVED_EXAMPLES.map(({ file }) => file).filter((file) => !file.includes('/'));
    const tested = [
      ...Object.keys(EXAMPLE_LINES),
      ...served,
      'report.js',
      'pg-boss.js',
      'fake-model.js',
    ];
    expect(files.sort()).toEqual([...new Set(tested)].sort());
  });
});

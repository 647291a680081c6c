import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect } from 'vitest';
import { output } from '../../harness/command.ts';
import { scene } from '../support/scene.ts';
import { compile, type Extension, load, OFFERED, type Options } from './consumers.ts';
import { installPacked, type Packed } from './packed.ts';

const COMPILES = 'compiles without skipLibCheck';
const INSTALL_MS = 120_000;
const TYPES = { types: ['node'] };
const NODE10 = { module: 'commonjs', moduleResolution: 'node10', esModuleInterop: true };
const NODE16 = { module: 'node16', esModuleInterop: true, ...TYPES };
const NODENEXT = { module: 'nodenext', ...TYPES };
const BUNDLER = { module: 'preserve', moduleResolution: 'bundler', ...TYPES };

type Row = [string, Extension, Options];
const ROWS: Row[] = [
  ['an ES module under node16', 'mts', NODE16],
  ['an ES module under nodenext', 'mts', NODENEXT],
  ['CommonJS under nodenext', 'cts', NODENEXT],
  ['a bundler', 'ts', BUNDLER],
  ['a library no newer than ES2022', 'mts', { ...NODENEXT, lib: ['es2022'] }],
];

let packed: Packed;

beforeAll(async () => {
  packed = await installPacked();
});
afterAll(() => packed[Symbol.asyncDispose]());

describe.each(['20.19.0', '22', '24', '26'])('Node %s', (version) => {
  scene(`Node ${version}, by import and by require`, 'finds every entry', async ({ skip }) => {
    const npx = ['npx', '-y', `node@${version}`, '-p', 'process.execPath'];
    const node = await output(npx).catch(() => skip(`npm cannot install node@${version}`));
    for (const file of ['import.mjs', 'require.cjs'] as const) {
      expect(await load(packed.folder, node, file)).toBe(OFFERED);
    }
    return `all of them, on ${await output([node, '--version'])}`;
  });
});

describe.each<[string, string[], Row[]]>([
  [
    'TypeScript 5.9',
    ['typescript@5.9', '@types/node@20', '@types/express@5', 'express@5', 'fastify@5'],
    [...ROWS, ['CommonJS under node10', 'ts', NODE10]],
  ],
  ['TypeScript 7', ['typescript@7', '@types/node', '@types/express', 'express', 'fastify'], ROWS],
])('%s', (name, packages, rows) => {
  let folder: string;
  let failure: string | undefined;

  const npm = (...args: string[]) => output(['npm', ...args, '--ignore-scripts'], { cwd: folder });
  const tsc = (extension: Extension, options: Options) =>
    compile({ folder, tsc: 'node_modules/typescript/bin/tsc' }, extension, options);

  beforeAll(async () => {
    folder = join(packed.folder, name.replace(' ', '-'));
    await mkdir(folder);
    await writeFile(join(folder, 'package.json'), '{ "private": true }');
    failure = await npm('install', ...packages).then(
      () => undefined,
      () => `npm cannot install ${packages.join(', ')}`,
    );
    if (!failure) await npm('install', '--offline', packed.tarball);
  }, INSTALL_MS);

  beforeEach(({ skip }) => skip(failure !== undefined, failure));

  for (const [row, extension, options] of rows) {
    scene(`${name}: ${row}`, COMPILES, async () => {
      expect(await tsc(extension, options)).toBe('');
      return 'no complaint';
    });
  }

  scene(`${name}: CommonJS under node16`, 'gets an error that names the ES module', async () => {
    const said = await tsc('cts', NODE16);
    expect(new Set(said.match(/TS\d+/g))).toEqual(new Set(['TS1479']));
    return 'TS1479; nodenext is what knows require of an ES module';
  });
});

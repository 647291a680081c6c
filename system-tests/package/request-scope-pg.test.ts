import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { output } from '../../harness/command.ts';
import { ROOT } from '../../processes/repository.ts';
import { installPacked, type Packed } from './packed.ts';

const BUILT = ['d.ts', 'js', 'js.map'];
const bin = (name: string) => join(ROOT, 'node_modules/.bin', name);

let packed: Packed;

beforeAll(async () => {
  packed = await installPacked('request-scope-pg');
});
afterAll(() => packed[Symbol.asyncDispose]());

test('it contains the built modules and pages, and no test', async () => {
  const files = await output(['tar', '-tzf', packed.tarball]);
  const sources = await readdir(join(ROOT, 'request-scope-pg/src'));
  const built = sources.flatMap((file) => BUILT.map((kind) => file.replace(/ts$/, kind)));
  const pages = ['CHANGELOG.md', 'LICENSE', 'README.md', 'package.json'];
  const expected = [...built, ...pages].map((file) => `package/${file}`);
  expect(files.split('\n').sort()).toEqual(expected.sort());
});

test('it needs only pg and request-scope, which its user installs', async () => {
  const manifest = JSON.parse(await readFile(join(packed.installed, 'package.json'), 'utf8'));
  const needs = Object.keys(manifest).filter((key) => /dependencies/i.test(key));
  expect(needs).toEqual(['peerDependencies']);
  expect(Object.keys(manifest.peerDependencies)).toEqual(['pg', 'request-scope']);
});

test('publint and attw find nothing wrong with it', async () => {
  const { tarball } = packed;
  const publint = await output([bin('publint'), tarball, '--level', 'warning']);
  expect(publint).toMatch(/All good!$/);
  await output([bin('attw'), tarball, '--profile', 'esm-only', '--quiet']);
});

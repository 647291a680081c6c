import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startCommand } from '../../harness/command.ts';
import { ROOT } from '../../processes/repository.ts';

/** Runs `file` on this Node, which claims to be `version`. */
async function runAs(version: string, file = join(ROOT, 'run.js')) {
  const claim = `for (const [name, value] of [['version', 'v${version}'], ['versions', { node: '${version}' }]])
    Object.defineProperty(process, name, { value });`;
  const args = ['--import', `data:text/javascript,${encodeURIComponent(claim)}`, file];
  const { closed, output } = startCommand(process.execPath, args);
  return { code: await closed, output: output() };
}

test.each([
  ['18.20.8', '20.19'],
  ['20.18.3', '20.19'],
  ['21.7.3', '22.12'],
  ['22.11.0', '22.12'],
])('every command reports in one line that Node %s is too old', async (version, needed) => {
  expect(await runAs(version)).toEqual({
    code: 1,
    output: `Node ${needed} or later is needed, this is v${version}\n`,
  });
});

test.each(['20.19.0', '22.12.0', '23.0.0', '26.0.0'])('Node %s is accepted', async (version) => {
  expect(await runAs(version)).toEqual({ code: 0, output: '' });
});

test('missing packages are reported in one line: all of them, or the development dependencies', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'run-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
  const file = join(folder, 'run.js');
  await copyFile(join(ROOT, 'run.js'), file);
  const without = await runAs('26.0.0', file);
  expect(without).toEqual({ code: 1, output: 'node_modules is missing: run npm ci first\n' });
  await mkdir(join(folder, 'node_modules/request-scope'), { recursive: true });
  const production = await runAs('26.0.0', file);
  expect(production.output).toMatch(/^node_modules is not complete: run npm ci --include=dev.*\n$/);
  expect(production.code).toBe(1);
});

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect } from 'vitest';
import { output, startCommand } from '../../harness/command.ts';
import { scene } from '../support/scene.ts';
import { installPacked, type Packed } from './packed.ts';

const INSTALL_MS = 120_000;
const PACKAGES = ['jest@30', '@babel/plugin-transform-modules-commonjs@7', 'express@5'];

/** What the README of request-scope tells users of Jest. */
const CONFIG = `module.exports = {
  transform: { '\\\\.js$': ['babel-jest', { plugins: ['@babel/plugin-transform-modules-commonjs'] }] },
  transformIgnorePatterns: ['/node_modules/(?!request-scope)'],
};
`;

/** A test in CommonJS, Jest's default. */
const TEST = `
const { EventEmitter, once } = require('node:events');
const { setTimeout: sleep } = require('node:timers/promises');
const express = require('express');
const { causeOf, Scope } = require('request-scope');
const { scopeOf, scopes } = require('request-scope/express');
const { causes, expectNothingLeft, openRequest } = require('request-scope/testing');

const reports = new EventEmitter();
async function buildReport({ signal }) {
  reports.emit('begun');
  return await sleep(60_000, 'the report', { signal });
}

const app = express().use(scopes());
app.get('/report', async (_req, res) => {
  const scope = scopeOf(res);
  try {
    res.send(await buildReport(scope));
  } catch (error) {
    reports.emit('stopped', causeOf(error, scope)?.code);
    res.status(503).end();
  }
});

test('a hang-up stops the report, and nothing is left', () =>
  expectNothingLeft(async () => {
    const begun = once(reports, 'begun');
    const stopped = once(reports, 'stopped');
    const request = await openRequest(app, { path: '/report' });
    await begun;
    await request.hangUp();
    expect(await stopped).toEqual(['client-disconnected']);
  }));

test.each(causes())('the report stops: $message', async (cause) => {
  const scope = new Scope();
  const report = buildReport(scope);
  scope.abort(cause);
  expect(causeOf(await report.catch((error) => error), scope)).toBe(cause);
});

test('a scope that was left open fails', async () => {
  const left = [];
  const work = () => void left.push(new Scope(60_000));
  await expect(expectNothingLeft(work, { withinMs: 20 })).rejects.toThrow(/a scope, which is open/);
  for (const scope of left) scope[Symbol.dispose]();
});
`;

let packed: Packed;
let folder: string;
let failure: string | undefined;

beforeAll(async () => {
  packed = await installPacked();
  folder = join(packed.folder, 'jest');
  await mkdir(folder);
  await writeFile(join(folder, 'package.json'), '{ "private": true }');
  await writeFile(join(folder, 'report.test.js'), TEST);
  await writeFile(join(folder, 'jest.config.cjs'), CONFIG);
  await writeFile(join(folder, 'bare.config.cjs'), 'module.exports = { transform: {} };');
  const npm = (...args: string[]) =>
    output(['npm', 'install', ...args, '--ignore-scripts'], { cwd: folder });
  failure = await npm(...PACKAGES).then(
    () => undefined,
    () => `npm cannot install ${PACKAGES.join(', ')}`,
  );
  if (!failure) await npm('--offline', packed.tarball);
}, INSTALL_MS);
afterAll(() => packed[Symbol.asyncDispose]());
beforeEach(({ skip }) => skip(failure !== undefined, failure));

/** What Jest prints, with its exit code. */
async function jest(node: string, config: string, options = '') {
  const args = ['node_modules/jest/bin/jest.js', '--config', config];
  const { closed, output } = startCommand(node, args, { NODE_OPTIONS: options }, folder);
  return { code: await closed, text: output() };
}

const PASSED = { code: 0, text: expect.stringContaining('6 passed, 6 total') };

scene('Jest 30 in CommonJS, with two lines of configuration', 'passes', async () => {
  expect(await jest(process.execPath, 'jest.config.cjs')).toEqual(PASSED);
  return `6 tests, Node ${process.version}`;
});

scene('... on Node 26, with a flag instead', 'passes', async ({ skip }) => {
  const npx = ['npx', '-y', 'node@26', '-p', 'process.execPath'];
  const node = await output(npx).catch(() => skip('npm cannot install node@26'));
  const run = await jest(node, 'bare.config.cjs', '--experimental-vm-modules');
  expect(run).toEqual(PASSED);
  return '6 tests';
});

scene('... without either', 'says that the package is an ES module', async () => {
  const { code, text } = await jest(process.execPath, 'bare.config.cjs');
  expect({ code, text }).toEqual({
    code: 1,
    text: expect.stringContaining('Must use import to load ES Module'),
  });
  return 'Must use import to load ES Module';
});

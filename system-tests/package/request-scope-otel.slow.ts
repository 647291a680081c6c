import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { output } from '../../harness/command.ts';
import { ROOT } from '../../processes/repository.ts';
import { scene } from '../support/scene.ts';
import { compile } from './consumers.ts';
import { installPacked, type Packed } from './packed.ts';

const INSTALL_MS = 120_000;
const EXAMPLES = join(ROOT, 'request-scope-otel/examples');

const STOCK = [
  '@opentelemetry/api@1',
  '@opentelemetry/sdk-node',
  '@opentelemetry/instrumentation-http',
  '@opentelemetry/instrumentation-undici',
];

/** TypeScript that uses every export, with OpenTelemetry's NodeSDK. */
const CONSUMER = `
import { metrics, type Meter } from '@opentelemetry/api';
import { NodeSDK, type tracing } from '@opentelemetry/sdk-node';
import * as root from 'request-scope-otel';
import { type Failure, type ObserveOptions, type Outcome } from 'request-scope-otel';

const processor: tracing.SpanProcessor = new root.CancellationSpanProcessor();
export const sdk = new NodeSDK({ spanProcessors: [new root.CancellationSpanProcessor(), processor] });
const meter: Meter = metrics.getMeter('mine');
const options: ObserveOptions = { meter };
const stop: () => void = root.observe(options);
root.observe();
stop();
const { cause, failure }: Outcome = root.outcomeOf(new Error('no stock'));
const again: Failure | undefined = root.failureOfCause(cause ?? 'none') ?? failure;
export const label: string = root.codeLabel(again?.type ?? 'other');
`;

let scope: Packed;
let otel: Packed;
let failure: string | undefined;

const npm = (...args: string[]) =>
  output(['npm', ...args, '--ignore-scripts'], { cwd: otel.folder });

beforeAll(async () => {
  [scope, otel] = await Promise.all([installPacked(), installPacked('request-scope-otel')]);
  failure = await npm('install', ...STOCK, scope.tarball, otel.tarball).then(
    () => undefined,
    () => `npm cannot install ${STOCK.join(', ')}`,
  );
  await cp(EXAMPLES, join(otel.folder, 'examples'), { recursive: true });
}, INSTALL_MS);
afterAll(() => Promise.all([scope, otel].map((packed) => packed[Symbol.asyncDispose]())));

beforeEach(({ skip }) => skip(failure !== undefined, failure));

describe.each(['20.19.0', '26'])('Node %s', (version) => {
  scene(
    `a stranger's project on Node ${version}, with the stock NodeSDK: a client hangs up during a call`,
    'its spans and those of the call are no errors, have the cause, and are counted',
    async ({ skip }) => {
      const npx = ['npx', '-y', `node@${version}`, '-p', 'process.execPath'];
      const node = await output(npx).catch(() => skip(`npm cannot install node@${version}`));
      const cwd = join(otel.folder, 'examples');
      const lines = await output([node, '--import', './telemetry.js', 'server.js'], { cwd });
      // Which of the spans of a hang-up ends first does not matter.
      expect(lines.split('\n').sort()).toEqual((await printed('server.js')).sort());
      const load = "console.log(Object.keys(require('request-scope-otel')).join(' '))";
      const offered = await output([node, '--no-warnings', '--eval', load], { cwd });
      expect(offered).toMatch(/\bobserve\b/);
      return lines.split('\n').slice(3).join('; ');
    },
  );
});

describe.each(['5.9', '7'])('TypeScript %s', (version) => {
  scene(
    `a stranger's TypeScript ${version}, strict`,
    'compiles without skipLibCheck, under nodenext and for a bundler',
    async () => {
      const folder = join(otel.folder, `typescript-${version}`);
      await mkdir(folder);
      await writeFile(join(folder, 'package.json'), '{ "private": true }');
      const packages = [`typescript@${version}`, '@types/node@20'];
      await output(['npm', 'install', ...packages, '--ignore-scripts'], { cwd: folder });
      const tsc = 'node_modules/typescript/bin/tsc';
      const consumer = { folder, tsc, consumer: CONSUMER };
      const types = ['node'];
      expect(await compile(consumer, 'mts', { module: 'nodenext', types })).toBe('');
      const bundler = { module: 'preserve', moduleResolution: 'bundler', types };
      expect(await compile(consumer, 'ts', bundler)).toBe('');
      return 'no complaint';
    },
  );
});

test('publint and attw find nothing wrong with it', async () => {
  const bin = (name: string) => join(ROOT, 'node_modules/.bin', name);
  const publint = await output([bin('publint'), otel.tarball, '--level', 'warning']);
  expect(publint).toMatch(/All good!$/);
  await output([bin('attw'), otel.tarball, '--profile', 'esm-only', '--quiet']);
});

test('it depends on nothing but its two peers', async () => {
  const manifest = JSON.parse(await readFile(join(otel.installed, 'package.json'), 'utf8'));
  expect(Object.keys(manifest.peerDependencies)).toEqual(['@opentelemetry/api', 'request-scope']);
  expect(manifest.dependencies ?? manifest.devDependencies).toBeUndefined();
});

/** The lines that the comment at the top of an example says it prints. */
async function printed(example: string): Promise<string[]> {
  const lines = (await readFile(join(EXAMPLES, example), 'utf8')).split('\n');
  return lines.filter((line) => line.startsWith('//   ')).map((line) => line.slice(5));
}

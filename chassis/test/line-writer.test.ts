import { execFileSync, type StdioOptions, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, createReadStream, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { LOADER } from '../../processes/repository.ts';

const LOGGER = new URL('../src/logger.ts', import.meta.url).href;

/** Reads a count per line, logs that many numbered lines, and writes `logged` to stderr. Ends with its input. */
const PROGRAM = `
  import { createInterface } from 'node:readline';
  import { createLogger } from '${LOGGER}';
  const log = createLogger('a-service', 'info', 'json');
  let n = 0;
  const alive = setInterval(() => {}, 1_000);
  for await (const count of createInterface({ input: process.stdin })) {
    for (let i = 0; i < Number(count); i++) {
      log.info({ n: n++ }, 'x'.repeat(200));
      if (i % 100 === 0) await new Promise(setImmediate); // Lets other work run.
    }
    process.stderr.write('logged ');
  }
  log.flush(() => clearInterval(alive));`;

const ARGS = [...LOADER, '--input-type=module', '--eval', PROGRAM];

/** More lines than the pipe and the buffer hold together. */
const TOO_MANY = 20_000;

function start(
  stdout: 'pipe' | number,
  [file, ...args]: readonly [string, ...string[]] = [process.execPath, ...ARGS],
) {
  const stdio: StdioOptions = ['pipe', stdout, 'pipe', 'pipe'];
  const child = spawn(file, args, { stdio });
  if (stdout !== 'pipe') closeSync(stdout);
  onTestFinished(() => void child.kill('SIGKILL'));
  let stderr = '';
  child.stderr?.on('data', (text) => {
    stderr += text;
  });
  let times = 0;
  const log = async (count: number) => {
    times += 1;
    child.stdin?.write(`${count}\n`);
    while (stderr !== 'logged '.repeat(times)) await once(child.stderr as Readable, 'data');
  };
  return { child, log };
}

/** Fails unless the lines are in order and each gap is reported in its place. */
function expectAllAccountedFor(text: string, count: number): { lost: number } {
  let [next, lost] = [0, 0];
  for (const line of text.trimEnd().split('\n')) {
    const entry = JSON.parse(line);
    if (entry.lost === undefined) expect(entry.n).toBe(next);
    else expect(entry).toMatchObject({ level: 40, msg: `Log lines lost: ${entry.lost} (EAGAIN)` });
    next += entry.lost ?? 1;
    lost += entry.lost ?? 0;
  }
  expect(next).toBe(count);
  return { lost };
}

/** The program, and a reader of its pipe that reads nothing until it gets a line on descriptor 3. */
const PIPED: [string, ...string[]] = [
  'sh',
  '-c',
  '"$0" "$@" | { read -r go <&3; exec cat; }',
  process.execPath,
  ...ARGS,
];

test.each([
  ['socket', undefined],
  ['pipe', PIPED],
] as const)(
  'a stalled reader of a %s blocks nothing, and finds each gap reported when it reads again',
  async (_, command) => {
    const { child, log } = start('pipe', command);
    child.stdout?.pause();
    await log(TOO_MANY);
    const text = buffer(child.stdout as Readable);
    if (command) (child.stdio[3] as Writable).write('go\n');
    await log(1);
    child.stdin?.end();
    const { lost } = expectAllAccountedFor(String(await text), TOO_MANY + 1);
    expect(lost).toBeGreaterThan(0);
  },
);

test('lines written while a pipe has no reader arrive when it has one again', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'log-'));
  const fifo = join(folder, 'fifo');
  execFileSync('mkfifo', [fifo]);
  const first = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
  const { child, log } = start(openSync(fifo, 'w'));
  await log(0);
  closeSync(first);
  await log(10);
  const text = buffer(createReadStream(fifo));
  await log(1);
  child.stdin?.end();
  expect(expectAllAccountedFor(String(await text), 11)).toEqual({ lost: 0 });
  rmSync(folder, { recursive: true });
});

test.skipIf(process.platform !== 'linux')(
  'a full disk loses lines, and the process goes on',
  async () => {
    const { child, log } = start(openSync('/dev/full', 'w'));
    await log(100);
    child.kill();
    expect(await once(child, 'close')).toEqual([null, 'SIGTERM']);
  },
);

test('a line that is too long takes no other with it, and is reported by a process that exits at once', () => {
  const program = `
    import { createLogger } from '${LOGGER}';
    const log = createLogger('a-service', 'info', 'json');
    log.info('before');
    log.info('x'.repeat(2 * 1024 * 1024));
    process.exit();`;
  const args = [...LOADER, '--input-type=module', '--eval', program];
  const { stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  const lines = stdout.trimEnd().split('\n');
  const messages = lines.map((line) => JSON.parse(line).msg);
  expect(messages).toEqual(['before', 'Log lines lost: 1 (EMSGSIZE)']);
});

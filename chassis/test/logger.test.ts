import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { LOADER } from '../../harness/repository.ts';

const LOGGER = new URL('../src/logger.ts', import.meta.url).href;

/** What a process that runs `statements` with a `log` writes. */
function logged(format: string, statements: string): string[] {
  const program = `import { createLogger } from '${LOGGER}';
    const log = await createLogger('a-service', 'info', '${format}');
    ${statements}`;
  const args = [...LOADER, '--input-type=module', '--eval', program];
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  expect(stderr).toBe('');
  return stdout.trimEnd().split('\n');
}

const IDS = `{ requestId: '${'r'.repeat(128)}', productID: '7', orderID: '8', idempotencyKey: '9' }`;

test('JSON: a line is written before the call returns', () => {
  const lines = logged(
    'json',
    `log.info(${IDS}, 'last words'); process.kill(process.pid, 'SIGKILL');`,
  );
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { level: 30, service: 'a-service', productID: '7', msg: 'last words' },
  ]);
});

test('pretty: time, level, message, why it ended, and the head of the request id', () => {
  const fields = `{ ...${IDS}, cause: 'client-disconnected', elapsedMs: 1004 }`;
  const [line] = logged('pretty', `log.info(${fields}, 'Payment canceled');`);
  expect(line).toMatch(
    /^\[\d\d:\d\d:\d\d\.\d{3}\] INFO: Payment canceled \(client-disconnected, 1004 ms\) r{8}$/,
  );
});

test.each(['info', 'error'])('pretty: a long message fits 120 columns at level %s', (level) => {
  const fields = `{ ...${IDS}, cause: 'client-disconnected', elapsedMs: 1004 }`;
  const [line] = logged('pretty', `log.${level}(${fields}, 'x'.repeat(300));`);
  expect(line?.length).toBeGreaterThan(110);
  expect(line?.length).toBeLessThanOrEqual(120);
  expect(line).toMatch(/x… \(client-disconnected, 1004 ms\) r{8}$/);
});

test('pretty: a bug keeps its stack', () => {
  const lines = logged('pretty', `log.error({ err: new TypeError('a bug') }, 'Internal error');`);
  expect(lines.join('\n')).toMatch(/Internal error[\s\S]*TypeError: a bug[\s\S]*at /);
});

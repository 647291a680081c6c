import { spawnSync } from 'node:child_process';
import { beforeAll, describe, expect, test } from 'vitest';
import { programVariables } from '../../harness/environment.ts';
import { LOADER } from '../../harness/repository.ts';

const LOGGER = new URL('../src/logger.ts', import.meta.url).href;

/** What a process that runs `statements` with a `log` writes. */
function logged(format: string, ...statements: string[]): string[] {
  const program = `import { createLogger } from '${LOGGER}';
    const log = await createLogger('a-service', 'info', '${format}');
    ${statements.join(';')}`;
  const args = [...LOADER, '--input-type=module', '--eval', program];
  const env = programVariables();
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', env });
  expect(stderr).toBe('');
  return stdout.trimEnd().split('\n');
}

const IDS = `{ requestId: '${'r'.repeat(128)}', productID: '7', orderID: '8', paymentKey: '9' }`;
const CANCELED = `{ ...${IDS}, cause: 'client-disconnected', elapsedMs: 1004 }`;

test('JSON: a line is written before the call returns', () => {
  const lines = logged(
    'json',
    `log.info(${IDS}, 'last words'); process.kill(process.pid, 'SIGKILL');`,
  );
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { level: 30, service: 'a-service', productID: '7', msg: 'last words' },
  ]);
});

describe('pretty', () => {
  let lines: string[];
  beforeAll(() => {
    lines = logged(
      'pretty',
      `log.info(${CANCELED}, 'Payment canceled')`,
      `log.info(${CANCELED}, 'x'.repeat(300))`,
      `log.error(${CANCELED}, 'x'.repeat(300))`,
      `log.error({ err: new TypeError('a bug') }, 'Internal error')`,
      `log.info({ traceUrl: 'http://localhost:16686/trace/1', requestId: 'r' }, 'Placing order')`,
    );
  });

  test('time, level, message, why it ended, and the head of the request id', () => {
    expect(lines[0]).toMatch(
      /^\[\d\d:\d\d:\d\d\.\d{3}\] INFO: Payment canceled \(client-disconnected, 1004 ms\) r{8}$/,
    );
  });

  test('the address of a trace has a line of its own', () => {
    const [line, link] = lines.slice(-2);
    expect(line).toMatch(/INFO: Placing order r$/);
    expect(link?.trim()).toBe('http://localhost:16686/trace/1');
  });

  test.each([
    ['info', 1],
    ['error', 2],
  ])('a long message fits 120 columns at level %s', (_, index) => {
    expect(lines[index]?.length).toBeGreaterThan(110);
    expect(lines[index]?.length).toBeLessThanOrEqual(120);
    expect(lines[index]).toMatch(/x… \(client-disconnected, 1004 ms\) r{8}$/);
  });

  test('a bug keeps its stack', () => {
    const text = lines.slice(3).join('\n');
    expect(text).toMatch(/Internal error[\s\S]*TypeError: a bug[\s\S]*at /);
  });
});

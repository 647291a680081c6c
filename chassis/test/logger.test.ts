import { spawnSync } from 'node:child_process';
import { beforeAll, describe, expect, test } from 'vitest';
import { programVariables } from '../../harness/environment.ts';
import { LOADER } from '../../processes/repository.ts';

const LOGGER = new URL('../src/logger.ts', import.meta.url).href;

/** The lines that a process writes which runs `statements` with a `log`. */
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

const LAST_WORDS = `log.info(${IDS}, 'last words'); process.kill(process.pid, 'SIGKILL');`;

test('JSON: a line is written before the call returns', () => {
  expect(logged('json', LAST_WORDS).map((line) => JSON.parse(line))).toMatchObject([
    { level: 30, service: 'a-service', productID: '7', msg: 'last words' },
  ]);
});

test('pretty: a line is written before the call returns', () => {
  expect(logged('pretty', LAST_WORDS)).toEqual([expect.stringMatching(/INFO: last words r{8}$/)]);
});

const CAUSE = 'inventory-service is unreachable (ECONNREFUSED)';
const TLS = 'payment-service is unreachable (UNABLE_TO_VERIFY_LEAF_SIGNATURE)';
const LONG_ID = `\u{1F600}${'x'.repeat(127)}`;
const ODD = '\u202Eredro\u2066 a\u2028b\u009B31m\u200B\uD800';

describe('pretty', () => {
  let lines: string[];
  beforeAll(() => {
    lines = logged(
      'pretty',
      `log.info(${CANCELED}, 'Payment canceled')`,
      ...['info', 'error'].map(
        (level) =>
          `log.${level}({ ...${CANCELED}, orderID: '${LONG_ID}' }, 'Payment canceled for order: ${LONG_ID}')`,
      ),
      `log.warn({ ...${CANCELED}, cause: 'unreachable' }, 'Inventory check failed: ${CAUSE}')`,
      `log.warn({ ...${CANCELED}, cause: 'unreachable' }, 'Payment processing failed: ${TLS}')`,
      `log.info({ orderID: ${JSON.stringify(ODD)} }, 'Payment voided for order: ' + ${JSON.stringify(ODD)})`,
      `log.error({ err: new TypeError('a bug') }, 'Internal error')`,
      `log.info({ traceUrl: 'http://localhost:16686/trace/1', requestId: 'r' }, 'Placing order')`,
    );
  });

  test('a line has the time, level, message, cause and the first characters of the request id', () => {
    expect(lines[0]).toMatch(
      /^\[\d\d:\d\d:\d\d\.\d{3}\] INFO: Payment canceled \(client-disconnected, 1004 ms\) r{8}$/,
    );
  });

  test('the URL of a trace is on a separate line', () => {
    const [line, link] = lines.slice(-2);
    expect(line).toMatch(/INFO: Placing order r$/);
    expect(link?.trim()).toBe('http://localhost:16686/trace/1');
  });

  test.each([
    ['info', 1],
    ['error', 2],
  ])('a long id is shortened to 120 columns at level %s', (_, index) => {
    expect(lines[index]?.length).toBeGreaterThan(110);
    expect(lines[index]?.length).toBeLessThanOrEqual(120);
    expect(lines[index]).toMatch(/for order: \u{1F600}x+… \(client-disconnected, 1004 ms\) r{8}$/u);
  });

  test('a cause is never cut, and not repeated in a line that is too long', () => {
    expect(lines[3]).toContain(`failed: ${CAUSE} (1004 ms) rrrrrrrr`);
    expect(lines[3]?.length).toBeLessThanOrEqual(120);
    expect(lines[4]).toContain(`failed: ${TLS} (1004 ms) rrrrrrrr`);
  });

  test('invisible characters, and those that reverse the line, are escaped', () => {
    expect(lines[5]).toMatch(
      /order: \\u\{202e\}redro\\u\{2066\} a\\u\{2028\}b\\u\{9b\}31m\\u\{200b\}\\u\{d800\}$/,
    );
  });

  test('a bug keeps its stack', () => {
    const text = lines.slice(6).join('\n');
    expect(text).toMatch(/Internal error[\s\S]*TypeError: a bug[\s\S]*at /);
  });
});

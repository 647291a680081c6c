import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { programVariables } from '../../harness/environment.ts';
import { LOADER } from '../../processes/repository.ts';

const LOGGER = new URL('../src/logger.ts', import.meta.url).href;
const LINE_WRITER = new URL('../src/line-writer.ts', import.meta.url).href;

/** The text that a process writes which logs something, and is killed once it may answer. */
function lastWords(format: string): string {
  const program = `import { createLogger } from '${LOGGER}';
    import { afterLines } from '${LINE_WRITER}';
    const log = createLogger('a-service', 'info', '${format}');
    log.info({ requestId: '${'r'.repeat(36)}', productID: '7' }, 'last words');
    afterLines(() => process.kill(process.pid, 'SIGKILL'));`;
  const args = [...LOADER, '--input-type=module', '--eval', program];
  const env = programVariables();
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', env });
  expect(stderr).toBe('');
  return stdout;
}

test('JSON: a line is written before an answer', () => {
  const text = lastWords('json');
  expect(text).toMatch(/^\{.*\}\n$/);
  expect(JSON.parse(text)).toMatchObject({
    ...{ level: 30, service: 'a-service', productID: '7', msg: 'last words' },
  });
});

test('pretty: a line is written before an answer', () => {
  expect(lastWords('pretty')).toMatch(/^\d\d:\d\d:\d\d\.\d{3} +last words +r{8}\n$/);
});

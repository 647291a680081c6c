import { expect, test } from 'vitest';
import { output } from '../../harness/command.ts';
import { LOADER, ROOT } from '../../processes/repository.ts';

/** Prints how many files of OpenTelemetry are loaded. */
const COUNT = `
  const { createRequire } = await import('node:module');
  const files = Object.keys(createRequire(process.cwd() + '/').cache);
  console.log(files.filter((file) => file.includes('@opentelemetry')).length);`;

async function loaded(env: Record<string, string>): Promise<number> {
  const options = [...LOADER, '--import', '@orders/telemetry', '--input-type=module'];
  const command = [process.execPath, ...options, '--eval', COUNT];
  const { PATH } = process.env;
  return Number(await output(command, { cwd: ROOT, env: { PATH, ...env } }));
}

test('nothing of OpenTelemetry is loaded unless a variable asks for it', async () => {
  expect(await loaded({ OTEL_SERVICE_NAME: 'order-service' })).toBe(0);
  expect(await loaded({ OTEL_TRACES_EXPORTER: 'otlp' })).toBeGreaterThan(0);
});

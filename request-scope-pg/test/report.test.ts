import { expect, test } from 'vitest';
import { startCommand } from '../../harness/command.ts';
import { useServer } from '../../harness/use-server.ts';
import { LOADER } from '../../processes/repository.ts';

const EXAMPLE = [...LOADER, 'request-scope-pg/examples/report.ts'];
const REPORT = "select 'a long report' as report, pg_sleep(10)";

const server = useServer();

test('the example stops its report when the client hangs up, and ends by itself', async () => {
  const env = { DATABASE_URL: server.postgres.url, PORT: '0' };
  const example = startCommand(process.execPath, EXAMPLE, env);
  const url = await example.seen(/Listening on (\S+)/);
  const hangUp = new AbortController();
  const answer = fetch(url, { signal: hangUp.signal });
  await server.runs(REPORT);
  hangUp.abort();
  await expect(answer).rejects.toThrow('aborted');
  await example.seen(/Report ended: client disconnected/);
  await server.stops(REPORT);

  const late = fetch(url, { headers: { 'x-envoy-expected-rq-timeout-ms': '50' } });
  expect((await late).status).toBe(504);
  await example.seen(/Report ended: deadline exceeded/);

  example.child.kill('SIGTERM');
  expect(await example.closed).toBe(0);
});

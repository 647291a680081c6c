import { test } from 'vitest';
import { until } from '../../harness/until.ts';
import { listen } from '../src/index.ts';
import { useServer } from './server.ts';

const server = useServer();

test('hears what is notified, also after its connection was lost, until it is told to end', async () => {
  const heard: string[] = [];
  const leaving = new AbortController();
  const url = `${server.postgres.url}?application_name=listener`;
  const ended = listen(url, 'a channel', (payload) => heard.push(payload), leaving.signal);
  const hears = (payload: string) =>
    until(`${payload} is heard`, async () => {
      await server.ask("select pg_notify('a channel', $1)", [payload]);
      return heard.includes(payload) || undefined;
    });
  await hears('first');
  await server.ask(
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'listener'",
  );
  await hears('second');
  await server.postgres.kill();
  await server.postgres.restart();
  await hears('third');
  leaving.abort();
  await ended;
  await server.leaves('listener');
});

test('ends at once where there is no server', async () => {
  const leaving = new AbortController();
  const ended = listen('postgres://127.0.0.1:1/nowhere', 'a channel', () => {}, leaving.signal);
  leaving.abort();
  await ended;
});

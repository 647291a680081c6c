import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { portOf } from '../../harness/network.ts';
import { until } from '../../harness/time.ts';
import { useServer } from '../../harness/use-server.ts';
import { listen } from '../src/index.ts';

const server = useServer();

test('a connection on which the server refuses to listen is closed before the next is opened', async () => {
  const open = new Set<Socket>();
  const openBefore: number[] = [];
  const relay = createServer((client) => {
    openBefore.push(open.size);
    open.add(client.once('close', () => open.delete(client)).on('error', () => {}));
    const far = connect(Number(new URL(server.postgres.url).port), '127.0.0.1');
    client.pipe(far.on('error', () => {})).pipe(client);
  });
  await once(relay.listen(0, '127.0.0.1'), 'listening');
  const aborting = new AbortController();
  const url = `postgres://postgres@127.0.0.1:${portOf(relay)}/postgres`;
  const listening = listen(url, '', () => {}, aborting.signal, { pauseMs: 1 });
  await expect.poll(() => openBefore.length).toBeGreaterThanOrEqual(3);
  expect(openBefore.filter((count) => count > 0)).toEqual([]);
  aborting.abort();
  await listening;
  for (const client of open) client.destroy();
  relay.close();
});

test('a URL that cannot be used, perhaps only for now, is no error', async () => {
  const aborting = new AbortController();
  const url = 'postgres://postgres@127.0.0.1:1/postgres?sslrootcert=/not/there';
  const listening = listen(url, 'channel', () => {}, aborting.signal);
  aborting.abort();
  await expect(listening).resolves.toBeUndefined();
});

test('a connection on which the server stays silent is given up for another', async () => {
  const silent = createServer((client) => client.on('error', () => {}));
  await once(silent.listen(0, '127.0.0.1'), 'listening');
  const aborting = new AbortController();
  const url = `postgres://postgres@127.0.0.1:${portOf(silent)}/postgres`;
  const listening = listen(url, 'channel', () => {}, aborting.signal, {
    connectTimeoutMs: 50,
    pauseMs: 100,
  });
  await once(silent, 'connection');
  await once(silent, 'connection');
  aborting.abort();
  await listening;
  silent.close();
});

test('a server that closes each connection at once is an error each time', async () => {
  const closing = createServer((client) => client.on('error', () => {}).destroy());
  await once(closing.listen(0, '127.0.0.1'), 'listening');
  const aborting = new AbortController();
  const url = `postgres://postgres@127.0.0.1:${portOf(closing)}/postgres`;
  const errors: unknown[] = [];
  const listening = listen(url, 'channel', () => {}, aborting.signal, {
    pauseMs: 1,
    onError: (error) => errors.push(error),
  });
  await expect.poll(() => errors.length).toBeGreaterThan(1);
  expect(errors[0]).toMatchObject({ name: 'DatabaseUnavailable', code: 'closed' });
  aborting.abort();
  await listening;
  closing.close();
});

test('it receives notifications, also after its connection was lost, until its signal aborts', async () => {
  const received: string[] = [];
  const leaving = new AbortController();
  const url = `${server.postgres.url}?application_name=listener`;
  const ended = listen(url, 'a channel', (payload) => received.push(payload), leaving.signal, {
    pauseMs: 100,
  });
  const receives = (payload: string) =>
    until(`${payload} is received`, async () => {
      await server.ask("select pg_notify('a channel', $1)", [payload]);
      return received.includes(payload) || undefined;
    });
  await receives('first');
  await server.ask(
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'listener'",
  );
  await receives('second');
  await server.postgres.kill();
  await server.postgres.restart();
  await receives('third');
  leaving.abort();
  await ended;
  await server.leaves('listener');
});

test('without a server it ends at once when its signal aborts', async () => {
  const leaving = new AbortController();
  const ended = listen('postgres://127.0.0.1:1/nowhere', 'a channel', () => {}, leaving.signal);
  leaving.abort();
  await ended;
});

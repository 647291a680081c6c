import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { portOf } from '../../harness/port-of.ts';
import { listen } from '../src/index.ts';
import { useServer } from './server.ts';

const server = useServer();

test('a connection on which the server refuses to listen is closed before another is opened', async () => {
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
  const listening = listen(url, '', () => {}, aborting.signal);
  await expect.poll(() => openBefore.length).toBeGreaterThanOrEqual(3);
  expect(openBefore.filter((count) => count > 0)).toEqual([]);
  aborting.abort();
  await listening;
  for (const client of open) client.destroy();
  relay.close();
});

test('a URL that cannot be used, for now perhaps, ends nothing', async () => {
  const aborting = new AbortController();
  const url = 'postgres://postgres@127.0.0.1:1/postgres?sslrootcert=/not/there';
  const listening = listen(url, 'channel', () => {}, aborting.signal);
  aborting.abort();
  await expect(listening).resolves.toBeUndefined();
});

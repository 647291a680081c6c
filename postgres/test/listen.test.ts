import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { portOf } from '../../harness/port-of.ts';
import { listen } from '../src/index.ts';
import { useServer } from './server.ts';

const server = useServer();

test('a connection on which the server refuses to listen is closed before another is opened', async () => {
  const open = new Set<Socket>();
  let tries = 0;
  const relay = createServer((client) => {
    tries += 1;
    open.add(client.once('close', () => open.delete(client)).on('error', () => {}));
    const far = connect(Number(new URL(server.postgres.url).port), '127.0.0.1');
    client.pipe(far.on('error', () => {})).pipe(client);
  });
  await once(relay.listen(0, '127.0.0.1'), 'listening');
  const aborting = new AbortController();
  const url = `postgres://postgres@127.0.0.1:${portOf(relay)}/postgres`;
  const listening = listen(url, '', () => {}, aborting.signal);
  await expect.poll(() => tries).toBe(3);
  expect(open.size).toBeLessThanOrEqual(1); // The third may be closed by now.
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

import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { History } from '../../demo/live/history.ts';
import { portOf } from '../../harness/network.ts';

test('a page that does not read is told nothing more once the end has been said', async () => {
  const history = new History();
  const server = createServer((_req, res) => history.follow(res, 0)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const page = connect(portOf(server), '127.0.0.1');
  page.write('GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n');
  const [, reader]: ServerResponse[] = await once(server, 'request');
  if (!reader) throw new Error('no response');
  const failures: Error[] = [];
  reader.on('error', (error) => failures.push(error));
  while (reader.writableLength === 0) history.publish({ time: 0, msg: 'x'.repeat(100_000) });
  history.end();
  history.publish({ time: 0, msg: 'Hangs up' });
  page.destroy();
  await once(reader, 'close');
  expect(failures).toEqual([]);
});

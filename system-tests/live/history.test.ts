import { once } from 'node:events';
import { createServer } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { History } from '../../demo/live/history.ts';
import { send } from '../../harness/clients.ts';
import { portOf } from '../../harness/network.ts';

/** What a page that connects now gets. */
async function read(history: History): Promise<string> {
  const server = createServer((_req, res) => {
    history.follow(res, 0);
    res.end();
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  return (await send(`http://127.0.0.1:${portOf(server)}`).answer).body;
}

test('a page that connects later gets the latest state of a type, and every event of another', async () => {
  const history = new History();
  history.reset({ time: 0, msg: 'Reset' });
  history.publishState('crowd', { atMs: 1 });
  history.publish({ time: 1, msg: 'On the wire' }, 'wire');
  history.publishState('crowd', { atMs: 2 });
  const events = (await read(history))
    .split('\n\n')
    .map((event) => event.replace(/^id: \d+\n/, ''));
  expect(events.slice(1)).toEqual([
    'data: {"time":0,"msg":"Reset"}',
    'event: wire\ndata: {"time":1,"msg":"On the wire"}',
    'event: crowd\ndata: {"atMs":2}\n',
  ]);
});

test('the latest state outlives the events that are dropped, and ends with a reset', async () => {
  const history = new History();
  history.reset({ time: 0, msg: 'Reset' });
  history.publishState('crowd', { atMs: 1 });
  for (let time = 0; time < 20_100; time += 1) history.publish({ time, msg: 'Order' });
  const text = await read(history);
  expect(text.match(/^event: crowd$/gm)).toHaveLength(1);
  expect(text).toMatch(/"msg":"Reset"/);
  expect(text).not.toMatch(/"time":1,/);
  history.reset({ time: 0, msg: 'Reset' });
  expect(await read(history)).not.toMatch(/crowd/);
});

import { cp, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startCommand } from '../harness/command.ts';
import { ROOT } from '../harness/repository.ts';
import { installPacked, type Packed } from './support/packed.ts';

const EXAMPLES = join(ROOT, 'cancellation/examples');
const LEFT = 'a client has left';
const STOPPED = 'the work stopped: client disconnected';
const SPENT = [
  'the work stopped: deadline exceeded',
  'a caller with 20 ms: 408, deadline exceeded',
];
const DRAINED = 'drained, every connection is closed';

const LINES: Record<string, unknown[]> = {
  'node-http.js': ['a client that waits: 200, the report', LEFT, STOPPED, DRAINED],
  'express.js': [...SPENT, LEFT, STOPPED, DRAINED],
  'fastify.js': [LEFT, STOPPED, 'in flight while it closes: 200, the report', 'closed'],
  'hono.js': [...SPENT, LEFT, STOPPED, DRAINED],
  'call-with-timeout.js': [
    'in time: 200, in stock',
    'too late: 408, Request canceled',
    'the order stopped: deadline exceeded',
    expect.stringMatching(/^the inventory stopped: (deadline exceeded|client disconnected)$/),
  ],
  'post-with-body.js': [
    'read an order of 1 lines',
    'a client that waits: 200, placed',
    'read an order of 100000 lines',
    LEFT,
    'the order stopped: client disconnected',
  ],
  'streamed-answer.js': [
    'all 3 are sent',
    'a client that stays reads 3 prices',
    'a client reads price 0, and leaves',
    'stopped: client disconnected',
    'drained: no scope was left',
  ],
  'queue-job.js': [
    'sent a quick letter',
    'SIGTERM: jobs in hand have 100 ms',
    'back into the queue goes a long letter: service shutting down',
    'left in the queue: a long letter,a letter that has to wait',
  ],
  'undo.js': [
    'charged',
    'the client has left',
    'refunded',
    'the order ended: client disconnected',
    'drained',
  ],
  'without-using.js': [
    'while a call runs, its parent has 1 follower',
    'in time: an answer',
    'too late: deadline exceeded',
    'after both it has 0, and is aborted: false',
  ],
};

describe('each example runs by itself, and shows what it is about', () => {
  let packed: Packed;

  beforeAll(async () => {
    packed = await installPacked();
    await packed.link('express', 'fastify', 'hono', '@hono/node-server');
    await cp(EXAMPLES, join(packed.folder, 'examples'), { recursive: true });
  });
  afterAll(() => packed[Symbol.asyncDispose]());

  test.each(Object.entries(LINES))('%s', async (file, lines) => {
    const args = [join('examples', file)];
    const { closed, output } = startCommand(process.execPath, args, {}, packed.folder);
    expect({ code: await closed, lines: output().trim().split('\n') }).toEqual({ code: 0, lines });
  });
});

test('no example is left out', async () => {
  const files = (await readdir(EXAMPLES)).filter((file) => file.endsWith('.js'));
  expect(files).toEqual(Object.keys(LINES).sort());
});

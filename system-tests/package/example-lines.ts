import { expect } from 'vitest';

const LEFT = 'a client has left';
const STOPPED = 'the work stopped: client disconnected';
const DRAINED = 'drained, every connection is closed';

/** The lines that each example prints. */
export const EXAMPLE_LINES: Record<string, unknown> = {
  'node-http.js': ['a client that waits: 200, the report', LEFT, STOPPED, DRAINED],
  'call-with-timeout.js': [
    'in time: 200, in stock',
    'too late: 504, Request canceled',
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
  'retry.js': [
    'in stock, at attempt 3',
    'the budget is spent: deadline exceeded',
    'each attempt had time left: true',
    'the caller has left: client disconnected',
    'attempts after that: 0',
    'a bug is not retried: TypeError, undefined',
  ],
  'hedge.js': [
    'the answer is that of call 2',
    'the loser has stopped: client disconnected',
    'the request goes on: true',
    'the budget is spent: deadline exceeded, after 1 call',
  ],
  // Node 20 reports as TAP.
  'testing.js': expect.arrayContaining([
    expect.stringMatching(/^(ok 1 -|✔) a hang-up stops the report, and nothing is left/),
    expect.stringMatching(/^[#ℹ] pass 5$/),
    expect.stringMatching(/^[#ℹ] fail 0$/),
  ]),
};

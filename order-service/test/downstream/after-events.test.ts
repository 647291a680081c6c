import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { standStill } from '../../../harness/time.ts';
import { afterEvents } from '../../src/downstream/after-events.ts';

test('tasks run in order, after all events of their turn', async () => {
  const order: string[] = [];
  await new Promise<void>((resolve) => {
    setImmediate(() => {
      afterEvents(() => order.push('first task'));
      queueMicrotask(() => order.push('microtask'));
    });
    setImmediate(() => {
      order.push('next event');
      afterEvents(() => order.push('second task'));
      afterEvents(resolve);
    });
  });
  expect(order).toEqual(['microtask', 'next event', 'first task', 'second task']);
});

test('between tasks that take long, or whose promises do, the event loop turns', async () => {
  const order: string[] = [];
  for (const task of ['first', 'second', 'third']) {
    afterEvents(() =>
      queueMicrotask(() => {
        standStill(15);
        order.push(task);
      }),
    );
  }
  while (order.length < 3) {
    await turn();
    order.push('turn');
  }
  expect(order.slice(0, 4)).toEqual(['first', 'turn', 'second', 'turn']);
});

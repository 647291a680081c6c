// Plain JavaScript on Node 20: the code that creates a scope ends it in `finally`; Node 24 has `using`.
import { getEventListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { causeOf, Scope, withTimeout } from 'request-scope';

const followers = ({ signal }) => getEventListeners(signal, 'abort').length;

const parent = new Scope(60_000);
try {
  const answer = await withTimeout(parent, 1_000, async ({ signal }) => {
    console.log(`while a call runs, its parent has ${followers(parent)} follower`);
    return await sleep(10, 'an answer', { signal });
  });
  console.log(`in time: ${answer}`);

  try {
    await withTimeout(parent, 10, ({ signal }) => sleep(60_000, 'late', { signal }));
  } catch (error) {
    console.log(`too late: ${causeOf(error, parent)?.message}`);
  }
  console.log(`after both it has ${followers(parent)}, and is aborted: ${parent.signal.aborted}`);
} finally {
  parent[Symbol.dispose](); // Otherwise its timer keeps the process alive for a minute.
}

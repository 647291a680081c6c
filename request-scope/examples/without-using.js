// Plain JavaScript on Node 20: who opens a scope ends it in `finally`, where Node 24 has `using`.
import { getEventListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { causeOf, Scope, withTimeout } from 'request-scope';

/** Runs `work` under a child of `parent`, and ends that whatever happens. */
async function within(parent, timeoutMs, work) {
  const scope = withTimeout(parent, timeoutMs);
  try {
    return await work(scope); // Without `await` the scope would end before the work does.
  } finally {
    scope[Symbol.dispose]();
  }
}

const followers = ({ signal }) => getEventListeners(signal, 'abort').length;

const parent = new Scope(60_000);
try {
  const answer = await within(parent, 1_000, async ({ signal }) => {
    console.log(`while a call runs, its parent has ${followers(parent)} follower`);
    return await sleep(10, 'an answer', { signal });
  });
  console.log(`in time: ${answer}`);

  try {
    await within(parent, 10, ({ signal }) => sleep(60_000, 'late', { signal }));
  } catch (error) {
    console.log(`too late: ${causeOf(error, parent)?.message}`);
  }
  console.log(`after both it has ${followers(parent)}, and is aborted: ${parent.signal.aborted}`);
} finally {
  parent[Symbol.dispose](); // Or its timer keeps the process for a minute.
}

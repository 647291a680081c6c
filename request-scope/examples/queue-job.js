// Jobs of a queue, for which no client waits: a drain starts no new job, and gives the current one time to end.
import { EventEmitter, once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { causeOf, GracefulShutdown, Scope, ShuttingDown, withTimeout } from 'request-scope';

const shutdown = new GracefulShutdown();
const queue = ['a quick letter', 'a long letter', 'a letter that has to wait'];
const worker = new EventEmitter();
const jobs = new Scope(); // The parent of every job.

/** Runs the jobs one after the other, until the service shuts down. */
async function work() {
  while (!shutdown.signal.aborted && queue.length > 0) {
    await runJob(queue.shift());
  }
  console.log(`left in the queue: ${queue}`);
}

/** A job has a minute. */
async function runJob(job) {
  worker.emit(job);
  try {
    await withTimeout(jobs, 60_000, ({ signal }) => send(job, signal));
    console.log(`sent ${job}`);
  } catch (error) {
    const cause = causeOf(error, jobs);
    if (!cause) throw error;
    console.log(`back into the queue goes ${job}: ${cause.message}`);
    queue.unshift(job);
  }
}

const send = (job, signal) => sleep(job.includes('long') ? 60_000 : 10, undefined, { signal });

const begun = once(worker, 'a long letter');
const worked = work();
// In a drain, the current job has another 100 ms.
shutdown.afterRequests(async (signal) => {
  signal.addEventListener('abort', () => jobs.abort(new ShuttingDown()));
  await worked;
}, 100);

await begun;
console.log('SIGTERM: jobs in hand have 100 ms');
await shutdown.drain(8_000);

// Jobs of a queue, which no client waits for: a drain takes no new one, and lets the one in hand end.
import { EventEmitter, once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { causeOf, GracefulShutdown, Scope } from 'request-scope';

const shutdown = new GracefulShutdown();
const queue = ['a quick letter', 'a long letter', 'a letter that has to wait'];
const worker = new EventEmitter();

/** Until the service leaves. */
async function work() {
  while (!shutdown.signal.aborted && queue.length > 0) {
    await runJob(queue.shift());
  }
  console.log(`left in the queue: ${queue}`);
}

/** A job has a minute. A drain waits for it, and aborts it when its time is up. */
async function runJob(job) {
  const scope = new Scope(60_000);
  const unregister = shutdown.register(scope);
  worker.emit(job);
  try {
    await send(job, scope.signal);
    console.log(`sent ${job}`);
  } catch (error) {
    const cause = causeOf(error, scope);
    if (!cause) throw error;
    console.log(`back into the queue goes ${job}: ${cause.message}`);
    queue.unshift(job);
  } finally {
    unregister();
    scope[Symbol.dispose]();
  }
}

const send = (job, signal) => sleep(job.includes('long') ? 60_000 : 10, undefined, { signal });

const begun = once(worker, 'a long letter');
const worked = work();
await begun;
console.log('SIGTERM: jobs in hand have 100 ms');
await shutdown.drain(100);
await worked;

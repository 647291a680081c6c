// The work of the examples that listen: it stands for any function that takes a signal, such as fetch or a query.
import { setTimeout as sleep } from 'node:timers/promises';

/** Resolves with a report after `ms` milliseconds. Rejects as soon as `signal` aborts, and logs why. */
export async function buildReport(signal, ms = 2_000) {
  console.log('work begun');
  try {
    await sleep(Number(ms), undefined, { signal });
    console.log('work finished');
    return 'the report';
  } catch (error) {
    console.log(`work stopped: ${signal.reason.message}`);
    throw error;
  }
}

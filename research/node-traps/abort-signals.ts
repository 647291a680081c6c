import { setTimeout as sleep } from 'node:timers/promises';
import { Scope, ShuttingDown } from 'request-scope';
import { collect } from './collect-garbage.ts';
import { judge, type Trap } from './trap.ts';
import { collectWarnings } from './warnings.ts';

const COUNT = 20;
const TIMEOUT_MS = 50;

/** Ten times as long: on a busy machine, both timers of one process are equally late. */
const WAIT_MS = 500;

const CALLS = 20_000;
/** Less than the smallest object, more than the noise. */
const LEAK_BYTES = 12;

/** Counts the signals that abort although the garbage collector ran before their timeout. */
async function timeouts(make: () => AbortSignal) {
  const signals = Array.from({ length: COUNT }, make);
  let fired = 0;
  for (const signal of signals) signal.addEventListener('abort', () => (fired += 1));
  await collect();
  await sleep(WAIT_MS);
  return judge(fired === signals.length, `${fired} of ${signals.length} fire`);
}

/** Counts the signals that show the abort of a source that was collected before they were read. */
async function readLate(make: () => AbortSignal) {
  const signals = Array.from({ length: COUNT }, make);
  await collect();
  const kept = signals.filter(({ aborted }) => aborted).length;
  return judge(kept === signals.length, `${kept} of ${signals.length} aborted`);
}

/** Measures what each call leaves on the heap: the least of three rounds, as the engine allocates, too. */
async function leak(call: () => void) {
  const rounds: number[] = [];
  while (rounds.length < 3) {
    await collect();
    const before = process.memoryUsage().heapUsed;
    for (let count = 0; count < CALLS; count += 1) call();
    await collect();
    rounds.push((process.memoryUsage().heapUsed - before) / CALLS);
  }
  const isRight = Math.min(...rounds) < LEAK_BYTES;
  return judge(isRight, isRight ? 'no leak' : 'each call leaks');
}

/** Looks shortly after the start whether a timeout of 2^31 ms (24.9 days) has fired. */
async function longTimeout(make: () => AbortSignal) {
  using _ = collectWarnings();
  const signal = make();
  await sleep(TIMEOUT_MS);
  return judge(!signal.aborted, signal.aborted ? 'fires at once' : 'still pending');
}

export const SIGNALS: Trap[] = [
  {
    name: '`AbortSignal.any([signal, AbortSignal.timeout(ms)])` after a garbage collection',
    issues: [57736, 57867],
    node: () =>
      timeouts(() =>
        AbortSignal.any([new AbortController().signal, AbortSignal.timeout(TIMEOUT_MS)]),
      ),
    ours: () => timeouts(() => new Scope().child(TIMEOUT_MS).signal),
  },
  {
    name: '`AbortSignal.any([signal])`, read after `signal` aborted and was collected',
    issues: [65995],
    node: () =>
      readLate(() => {
        const controller = new AbortController();
        const signal = AbortSignal.any([controller.signal]);
        controller.abort();
        return signal;
      }),
    ours: () =>
      readLate(() => {
        const parent = new Scope();
        using child = parent.child(60_000);
        parent.abort(new ShuttingDown());
        return child.signal;
      }),
  },
  {
    name: '`AbortSignal.any([signal])`, called repeatedly on a long-lived `signal`',
    issues: [54614, 55351, 62367],
    note: 'Since #62367 a composite signal follows its sources only once it is read.',
    node: () => {
      const { signal } = new AbortController();
      return leak(() => AbortSignal.any([signal]));
    },
    ours: () => {
      const parent = new Scope();
      return leak(() => parent.child(60_000)[Symbol.dispose]());
    },
  },
  {
    name: '`AbortSignal.timeout(2 ** 31)` (24.9 days)',
    issues: [58592],
    note: 'As documented for timers: a delay of more than 2^31 - 1 ms becomes 1 ms.',
    node: () => longTimeout(() => AbortSignal.timeout(2 ** 31)),
    ours: async () => {
      using scope = new Scope(2 ** 31);
      const { signal } = scope;
      return await longTimeout(() => signal);
    },
  },
];

import { setTimeout as sleep } from 'node:timers/promises';
import { Scope, ShuttingDown } from '../../request-scope/src/index.ts';
import { collect } from './collector.ts';
import { judge, type Trap } from './trap.ts';
import { noteWarnings } from './warnings.ts';

const COUNT = 20;
const TIMEOUT_MS = 50;

/** Ten times as long: a busy machine delays both timers alike, in one process. */
const PATIENCE_MS = 500;

const CALLS = 20_000;
/** Less than the smallest object, and more than the noise. */
const LEAK_BYTES = 12;

/** How many of the signals abort, although the collector ran while their time was running. */
async function timeouts(make: () => AbortSignal) {
  const signals = Array.from({ length: COUNT }, make);
  let fired = 0;
  for (const signal of signals) signal.addEventListener('abort', () => (fired += 1));
  await collect();
  await sleep(PATIENCE_MS);
  return judge(fired === signals.length, `${fired} of ${signals.length} fire`);
}

/** How many show an abort of their source that was collected before anyone looked. */
async function polled(make: () => AbortSignal) {
  const signals = Array.from({ length: COUNT }, make);
  await collect();
  const kept = signals.filter(({ aborted }) => aborted).length;
  return judge(kept === signals.length, `${kept} of ${signals.length} aborted`);
}

/** What a call leaves behind; the least of three rounds, since the engine keeps things of its own. */
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
  return judge(isRight, isRight ? 'nothing stays' : 'something of each call stays');
}

/** Whether a timeout of 2^31 ms, 24.9 days, is still to come after a moment. */
async function longTimeout(make: () => AbortSignal) {
  using _ = noteWarnings();
  const signal = make();
  await sleep(TIMEOUT_MS);
  return judge(!signal.aborted, signal.aborted ? 'fires at once' : 'still to come');
}

export const SIGNALS: Trap[] = [
  {
    name: '`AbortSignal.any([signal, AbortSignal.timeout(ms)])`, the collector runs',
    issues: [57736, 57867],
    node: () =>
      timeouts(() =>
        AbortSignal.any([new AbortController().signal, AbortSignal.timeout(TIMEOUT_MS)]),
      ),
    ours: () => timeouts(() => new Scope().child(TIMEOUT_MS).signal),
  },
  {
    name: '`AbortSignal.any([signal])`, aborted, `signal` collected, then looked at',
    issues: [65995],
    node: () =>
      polled(() => {
        const controller = new AbortController();
        const signal = AbortSignal.any([controller.signal]);
        controller.abort();
        return signal;
      }),
    ours: () =>
      polled(() => {
        const parent = new Scope();
        using child = parent.child(60_000);
        parent.abort(new ShuttingDown());
        return child.signal;
      }),
  },
  {
    name: '`AbortSignal.any([signal])` again and again on a long-lived `signal`',
    issues: [54614, 55351, 62367],
    note: '#62367 lets a composite follow its sources only once somebody looks at it.',
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
    name: '`AbortSignal.timeout(2 ** 31)`, 24.9 days',
    issues: [58592],
    note: 'As documented for timers: a delay above 2^31 - 1 ms becomes 1 ms.',
    node: () => longTimeout(() => AbortSignal.timeout(2 ** 31)),
    ours: async () => {
      using scope = new Scope(2 ** 31);
      const { signal } = scope;
      return await longTimeout(() => signal);
    },
  },
];

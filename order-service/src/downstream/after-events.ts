/** How long tasks may run before the event loop handles events again, in milliseconds. */
const SLICE_MS = 10;

const tasks: (() => void)[] = [];

/**
 * Runs `task` once the events that have already arrived are handled. When thousands of callers hang up at once,
 * every call is stopped first, and what follows from that comes later, in slices.
 */
export function afterEvents(task: () => void): void {
  if (tasks.push(task) === 1) setImmediate(runSlice);
}

function runSlice(): void {
  const endsAt = performance.now() + SLICE_MS;
  let done = 0;
  while (done < tasks.length && performance.now() < endsAt) tasks[done++]?.();
  tasks.splice(0, done);
  if (tasks.length > 0) setImmediate(runSlice);
}

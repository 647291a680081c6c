/** How long tasks may run before the event loop handles events again, in milliseconds. */
const SLICE_MS = 10;

const tasks = new Set<() => void>();
let isScheduled = false;

/**
 * Runs `task` once the events that have already arrived are handled. When thousands of callers hang up at once,
 * every call is stopped first, and what follows from that comes later, in slices.
 */
export function afterEvents(task: () => void): void {
  tasks.add(task);
  schedule();
}

function schedule(): void {
  if (isScheduled || tasks.size === 0) return;
  isScheduled = true;
  setImmediate(runSlice);
}

async function runSlice(): Promise<void> {
  isScheduled = false;
  const endsAt = performance.now() + SLICE_MS;
  try {
    for (const task of tasks) {
      if (performance.now() >= endsAt) break;
      tasks.delete(task);
      task();
      await undefined; // The promises that the task has settled belong to the slice, too.
    }
  } finally {
    schedule();
  }
}

// Stands in for node:timers/promises: whoever sleeps does so until the simulation wakes it.
const sleepers = new Set<() => void>();

export function setTimeout(_ms: number, value?: unknown): Promise<unknown> {
  return new Promise((resolve) => {
    sleepers.add(() => resolve(value));
  });
}

export function wakeAll(): void {
  for (const wake of sleepers) wake();
  sleepers.clear();
}

export function forgetSleepers(): void {
  sleepers.clear();
}

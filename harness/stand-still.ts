/** Keeps the event loop from running for `ms` milliseconds, as SIGSTOP or a long task does: every timer is late. */
export function standStill(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() <= end);
}

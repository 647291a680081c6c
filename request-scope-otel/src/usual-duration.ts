/** Durations kept for each route. The number is odd, so that the median is one of them. */
const MAX_DURATIONS = 31;
const MAX_ROUTES = 200;

const durationsByRoute = new Map<string, number[]>();

/** Remembers the duration of a request to `route` that was not canceled. */
export function rememberDuration(route: string, durationMs: number): void {
  const durations = durationsByRoute.get(route) ?? [];
  if (durations.length === 0 && durationsByRoute.size < MAX_ROUTES)
    durationsByRoute.set(route, durations);
  durations.push(durationMs);
  if (durations.length > MAX_DURATIONS) durations.shift();
}

/**
 * The time that canceling a request to `route` after `elapsedMs` saved, in whole milliseconds: the median of
 * the remembered durations minus `elapsedMs`. Undefined if there are none.
 */
export function savedMs(route: string, elapsedMs: number): number | undefined {
  const sorted = durationsByRoute.get(route)?.toSorted((one, other) => one - other);
  const median = sorted?.[Math.floor(sorted.length / 2)];
  return median === undefined ? undefined : Math.max(0, Math.round(median - elapsedMs));
}

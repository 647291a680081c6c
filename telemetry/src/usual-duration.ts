/** As many of the last ones are remembered: an odd number has a middle. */
const REMEMBERED = 31;
const MAX_ROUTES = 200;

const routes = new Map<string, number[]>();

/** Remembers how long a request to `route` took that was not cut short. */
export function rememberDuration(route: string, durationMs: number): void {
  const durations = routes.get(route) ?? [];
  if (durations.length === 0 && routes.size < MAX_ROUTES) routes.set(route, durations);
  durations.push(durationMs);
  if (durations.length > REMEMBERED) durations.shift();
}

/**
 * What a request to `route` that ended after `elapsedMs` has saved, in whole milliseconds: by how much the
 * median of the last ones that were not cut short exceeds that. Undefined before there was one.
 */
export function savedMs(route: string, elapsedMs: number): number | undefined {
  const sorted = routes.get(route)?.toSorted((one, other) => one - other);
  const median = sorted?.[Math.floor(sorted.length / 2)];
  return median === undefined ? undefined : Math.max(0, Math.round(median - elapsedMs));
}

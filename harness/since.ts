/** The time that has passed since a reading of `performance.now()`, for people: `5.02 s`. */
export function since(startedAt: number): string {
  return `${((performance.now() - startedAt) / 1_000).toFixed(2)} s`;
}

/** Resolves with the result of `work`, or with undefined after `durationMs` milliseconds. */
export async function atMost<T>(durationMs: number, work: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const delay = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, durationMs, undefined);
  });
  try {
    return await Promise.race([work, delay]);
  } finally {
    clearTimeout(timer);
  }
}

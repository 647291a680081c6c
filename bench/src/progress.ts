const startedAt = performance.now();

/** Shows the current step on stderr; '' clears the line. */
export function progress(what: string): void {
  const seconds = Math.round((performance.now() - startedAt) / 1_000);
  if (what && process.stderr.isTTY) process.stderr.write(`\r\x1b[K${seconds} s  ${what}`);
  else if (what) process.stderr.write(`${seconds} s  ${what}\n`);
  else if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
}

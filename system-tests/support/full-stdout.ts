/** A module for `--import` that keeps the process's stdout full, as a reader that reads nothing does. */
export const FULL_STDOUT = `data:text/javascript,${encodeURIComponent(`
  import { writeSync } from 'node:fs';
  process.stdout; // From here on, a write to a full pipe fails instead of waiting.
  const fill = () => {
    try { for (;;) writeSync(1, '-'.repeat(1023) + '\\n'); } catch {}
  };
  fill();
  setInterval(fill, 10).unref();`)}`;

/** What `--import` loads into a process to keep its stdout full, as a reader does that stands. */
export const FULL_STDOUT = `data:text/javascript,${encodeURIComponent(`
  import { writeSync } from 'node:fs';
  process.stdout; // From here on a write to a pipe fails where it would wait.
  const fill = () => {
    try { for (;;) writeSync(1, '-'.repeat(1023) + '\\n'); } catch {}
  };
  fill();
  setInterval(fill, 10).unref();`)}`;

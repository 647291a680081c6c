import { constants, fstatSync, openSync } from 'node:fs';
import { destination } from 'pino';

/** The buffer for lines that cannot be written because the reader has stalled or the disk is full. */
const MAX_BUFFERED_BYTES = 1024 * 1024;

/** The lines of one turn of the event loop that are kept for its end. */
const MAX_KEPT_CHARACTERS = 16 * 1024;

/** The delay after which the buffer is retried, unless another line retries it earlier. */
const RETRY_MS = 20;

/** The lines that were dropped because the buffer was full. */
export interface Lost {
  count: number;
  /** The code of the error of the last write: `EAGAIN` for a stalled reader, or for instance `ENOSPC`. */
  code: string;
}

export interface LineWriter {
  /** Writes a line, which includes its line break, by the end of the turn. Never blocks, never throws. */
  write(line: string): void;
  /** Calls `done` once the buffer is empty. */
  flush(done?: () => void): void;
}

/** A line that is longer than the whole buffer is dropped without an error of its own: this is its code. */
const NONE: Lost = { count: 0, code: 'EMSGSIZE' };

interface Options {
  /** Called when writing succeeds again, at the place of the gap. */
  onLost: (lost: Lost) => void;
  /** Called with the code of each error of a write. */
  onError?: (code: string) => void;
}

/** Whether lines wait for the end of this turn of the event loop. */
let isKeeping = false;

/** Runs `task` once the lines of this turn have been written: at once if there are none. */
export function afterLines(task: () => void): void {
  if (isKeeping) setImmediate(task);
  else task();
}

/**
 * Writes lines to stdout without ever blocking. The lines of one turn of the event loop are one write, at its
 * end. Lines that stdout does not accept are buffered in order and retried; when the buffer is full, further
 * lines are dropped, counted and reported.
 */
export function lineWriter({ onLost, onError }: Options): LineWriter {
  const stdout = destination({
    dest: descriptor(),
    sync: true,
    maxLength: MAX_BUFFERED_BYTES,
    retryEAGAIN: () => false,
  });
  let lost = { ...NONE };
  const waiting: (() => void)[] = [];
  let retry: NodeJS.Timeout | undefined;
  let failed = false;
  let kept = '';

  stdout.on('drop', (lines: string) => {
    lost.count += countLines(lines);
    tryLater();
  });
  // pino's own listener gives up for good at EPIPE, and throws all other errors.
  stdout.removeAllListeners('error').on('error', ({ code = 'unknown' }: NodeJS.ErrnoException) => {
    failed = true;
    lost.code = code;
    tryLater();
    onError?.(code);
  });

  function tryLater() {
    retry ??= setTimeout(flush, RETRY_MS).unref();
  }

  /** Writes the lines of this turn. */
  function writeKept() {
    const lines = kept;
    kept = '';
    isKeeping = false;
    // After the first dropped line, drop all until the gap is reported: a log with one gap, not many.
    if (lost.count > 0) lost.count += countLines(lines);
    else if (lines) stdout.write(lines);
  }

  /** Retries the buffer. sonic-boom's flushSync would block, at ENOSPC for ever. */
  function flush() {
    clearTimeout(retry);
    retry = undefined;
    writeKept();
    failed = false;
    stdout.write('');
    if (failed) return;
    const gap = lost;
    lost = { ...NONE };
    if (gap.count > 0) {
      onLost(gap);
      writeKept(); // At exit there is no end of the turn.
    }
    if (failed) return; // The report of the gap is buffered itself.
    for (const done of waiting.splice(0)) done();
  }
  process.on('exit', flush);

  return {
    write(line) {
      // A line that is dropped because of its length takes no other with it.
      if (kept.length + line.length > MAX_KEPT_CHARACTERS) writeKept();
      if (!kept) setImmediate(writeKept);
      isKeeping = true;
      kept += line;
      if (kept.length > MAX_KEPT_CHARACTERS) writeKept();
    },
    flush(done = () => {}) {
      waiting.push(done);
      flush();
    },
  };
}

function countLines(text: string): number {
  return text.split('\n').length - 1;
}

/** A descriptor of stdout on which a write fails instead of blocking. */
function descriptor(): number {
  try {
    // O_NONBLOCK belongs to the open file, which the shell, npm or another process may share: it would
    // affect them, and they may reset it. Opening the file again gives this process one of its own.
    const { O_WRONLY, O_NONBLOCK, O_NOCTTY } = constants;
    if (!fstatSync(1).isFile())
      return openSync('/proc/self/fd/1', O_WRONLY | O_NONBLOCK | O_NOCTTY);
  } catch {
    neverWait(process.stdout); // A socket cannot be opened again, and only Linux has /proc.
  }
  return 1;
}

/** Makes Node buffer writes to `stream` that would block, as it does for every stream but a terminal. */
export function neverWait(stream: NodeJS.WriteStream): void {
  const { _handle: handle } = stream as { _handle?: { setBlocking?(on: boolean): void } };
  handle?.setBlocking?.(false);
}

import { constants, fstatSync, openSync } from 'node:fs';
import { destination } from 'pino';

/** What nobody takes just now (a reader that stands, a disk that is full) is kept, up to this much. */
const KEPT_BYTES = 1024 * 1024;

/** How soon that is tried again, if no further line does so before. */
const RETRY_MS = 20;

/** Lines beyond what is kept. */
export interface Lost {
  count: number;
  /** The code of the error that was in the way: `EAGAIN`, a reader that stands; `ENOSPC`. */
  code: string;
}

export interface LineWriter {
  /** Writes a line, with its line break. Never waits, never throws. */
  write(line: string): void;
  /** Calls `done` once nothing is kept any more. */
  flush(done?: () => void): void;
}

/** A line longer than all that may be kept is lost by itself. */
const NONE: Lost = { count: 0, code: 'EMSGSIZE' };

interface Options {
  /** Called when there is room again, where the lines are missing. */
  onLost: (lost: Lost) => void;
  /** Called at each write that failed, with the code of its error. */
  onError?: (code: string) => void;
}

/**
 * Writes lines to stdout, each before the call returns as long as stdout takes them. What it does not
 * take is kept in order, up to a bound, and tried again; lines beyond it are dropped, counted and told of.
 */
export function lineWriter({ onLost, onError }: Options): LineWriter {
  const stdout = destination({
    dest: descriptor(),
    sync: true,
    maxLength: KEPT_BYTES,
    retryEAGAIN: () => false,
  });
  let lost = { ...NONE };
  const waiting: (() => void)[] = [];
  let retry: NodeJS.Timeout | undefined;
  let failed = false;

  stdout.on('drop', () => {
    lost.count += 1;
    tryLater();
  });
  // pino's own listener falls silent for good at EPIPE, and throws all other errors.
  stdout.removeAllListeners('error').on('error', ({ code = 'unknown' }: NodeJS.ErrnoException) => {
    failed = true;
    lost.code = code;
    tryLater();
    onError?.(code);
  });

  function tryLater() {
    retry ??= setTimeout(flush, RETRY_MS).unref();
  }

  /** Tries what is kept. sonic-boom's flushSync would wait, and at ENOSPC for ever. */
  function flush() {
    clearTimeout(retry);
    retry = undefined;
    failed = false;
    stdout.write('');
    if (failed) return;
    const told = lost;
    lost = { ...NONE };
    if (told.count > 0) onLost(told);
    for (const done of waiting.splice(0)) done();
  }
  process.on('exit', flush);

  return {
    write(line) {
      // From the first one that is lost to the line that says so, all are: a log has one gap, not many.
      if (lost.count > 0) lost.count += 1;
      else stdout.write(line);
    },
    flush(done = () => {}) {
      waiting.push(done);
      flush();
    },
  };
}

/** A descriptor for stdout on which a write fails where it would have to wait. */
function descriptor(): number {
  try {
    // O_NONBLOCK is a flag of the open file, which the shell, npm or another process may share: they
    // would meet it too, and take it back when they end. What is opened anew is ours alone.
    const { O_WRONLY, O_NONBLOCK, O_NOCTTY } = constants;
    if (!fstatSync(1).isFile())
      return openSync('/proc/self/fd/1', O_WRONLY | O_NONBLOCK | O_NOCTTY);
  } catch {
    neverWait(process.stdout); // A socket, which cannot be opened again, or no Linux.
  }
  return 1;
}

/** Keeps what is written to `stream` in memory where it would have to wait; Node does so for all but a terminal. */
export function neverWait(stream: NodeJS.WriteStream): void {
  const { _handle: handle } = stream as { _handle?: { setBlocking?(on: boolean): void } };
  handle?.setBlocking?.(false);
}

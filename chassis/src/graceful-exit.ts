import { channel } from 'node:diagnostics_channel';
import type { Logger } from 'pino';

/** One Ctrl+C reaches a process two or three times; a signal this long after the first means now. */
const REPEATED_SIGNAL_MS = 1_000;

/**
 * At SIGTERM or SIGINT: drains, and ends the process. After an exception that nobody has caught, or a
 * rejection that nobody has handled, the same, with exit code 1. A second signal, later, or a second
 * exception ends it at once.
 */
export function exitGracefully(logger: Logger, drain: () => Promise<void>): void {
  let begunAt: number | undefined;
  let exitCode = 0;

  const leave = async () => {
    try {
      await drain();
      await lastThings();
    } catch (err) {
      logger.error({ err }, 'Shutdown failed');
      exitCode = 1;
    }
    process.exit(exitCode);
  };
  const begin = (reason: string) => {
    begunAt = performance.now();
    leave();
    logger.info(`Shutting down: ${reason}`);
  };
  const onSignal = (signal: NodeJS.Signals) => {
    if (begunAt === undefined) begin(signal);
    else if (performance.now() - begunAt >= REPEATED_SIGNAL_MS) exitAtOnce();
  };
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  // Node raises a rejection that nobody has handled as such an exception.
  process.on('uncaughtException', (err: unknown) => {
    logger.error({ err }, 'Uncaught exception');
    if (exitCode !== 0) exitAtOnce();
    exitCode = 1;
    if (begunAt === undefined) begin('uncaught exception');
  });
}

/** Published when a service has drained and is about to exit; it waits for the promises that subscribers add. */
export interface Drained {
  waitFor: Promise<unknown>[];
}

const drained = channel('chassis:drained');

async function lastThings(): Promise<void> {
  const message: Drained = { waitFor: [] };
  drained.publish(message);
  await Promise.allSettled(message.waitFor);
}

/** Published when a service exits without having drained: who has something to log does so now. */
const cutShort = channel('chassis:cut-short');

function exitAtOnce(): never {
  cutShort.publish({});
  process.exit(1);
}

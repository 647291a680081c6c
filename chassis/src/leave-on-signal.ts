import { channel } from 'node:diagnostics_channel';
import type { Logger } from 'pino';

/** One Ctrl+C reaches a process two or three times; a signal this long after the first means now. */
const REPEATED_SIGNAL_MS = 1_000;

/** At SIGTERM or SIGINT: drains, and ends the process; a second signal, later, ends it at once. */
export function leaveOnSignal(logger: Logger, drain: () => Promise<void>): void {
  let firstAt: number | undefined;
  const leave = (signal: NodeJS.Signals) => {
    if (firstAt !== undefined) {
      if (performance.now() - firstAt >= REPEATED_SIGNAL_MS) process.exit(1);
      return;
    }
    firstAt = performance.now();
    const failed = (err: unknown) => {
      logger.error({ err }, 'Shutdown failed');
      process.exit(1);
    };
    drain()
      .then(lastThings)
      .then(() => process.exit(0), failed);
    logger.info(`Shutting down: ${signal}`);
  };
  process.on('SIGTERM', leave).on('SIGINT', leave);
}

/** Published when a service has drained and is about to exit: who has something to send adds a promise. */
const drained = channel('chassis:drained');

async function lastThings(): Promise<void> {
  const waitFor: Promise<void>[] = [];
  drained.publish({ waitFor });
  await Promise.allSettled(waitFor);
}

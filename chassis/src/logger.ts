import { type Logger, pino, stdTimeFunctions } from 'pino';
import { build as prettyStream } from 'pino-pretty';

/** A logger to stdout; `format`: `json`, one object a line, or `pretty`, for people. */
export function createLogger(service: string, level: string, format: string): Logger {
  const options = { level, base: { service }, timestamp: stdTimeFunctions.epochTime };
  if (format === 'json') return pino(options);
  // In this process and synchronous: the last lines before an exit are the interesting ones.
  const look = { ignore: 'service', singleLine: true, translateTime: 'SYS:HH:MM:ss.l' };
  return pino(options, prettyStream({ ...look, sync: true }));
}

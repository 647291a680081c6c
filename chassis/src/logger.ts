import { isatty } from 'node:tty';
import { type Logger, pino, stdTimeFunctions } from 'pino';
import { lineWriter } from './line-writer.ts';
import { PrettyLines, readLine } from './pretty-line.ts';

/**
 * Makes a logger that writes to stdout: one object per line with the format `json`, lines for people with
 * `pretty`. While the reader keeps up, each line is written by the end of its turn of the event loop and before
 * any answer of that turn (see `afterLines`), so that it survives a SIGKILL. If the log cannot be written, lines
 * are lost and the service goes on (see `lineWriter`).
 */
export function createLogger(service: string, level: string, format: string): Logger {
  const writer = lineWriter({
    onLost: ({ count, code }) =>
      logger.warn({ lost: count, code }, `Log lines lost: ${count} (${code})`),
  });
  const write = format === 'json' ? writer.write : prettyWrite(writer.write);
  const stream = { write, flush: writer.flush };
  const options = { level, base: { service }, timestamp: stdTimeFunctions.epochTime };
  const logger = pino(options, stream);
  return logger;
}

/** Makes a function that writes a line in JSON as lines for people. */
function prettyWrite(write: (line: string) => void): (line: string) => void {
  const pretty = new PrettyLines({ isColourful: isatty(1) && process.stdout.hasColors() });
  return (text) => {
    const line = readLine(text);
    write(line ? `${pretty.format(line)}\n` : text);
  };
}

/** `1 void`, `2 voids`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

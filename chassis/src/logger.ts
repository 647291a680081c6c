import { type Logger, pino, stdTimeFunctions } from 'pino';
import { lineWriter } from './line-writer.ts';

/** The width of a pretty line, and of its part before the message: time and level. */
const MAX_COLUMNS = 120;
const PREFIX_COLUMNS = 22;

/** An id is never cut to fewer characters than this. */
const SHORT_ID_LENGTH = 8;

/**
 * Makes a logger that writes to stdout: one object per line with the format `json`, lines for people with
 * `pretty`. While the reader keeps up, each line is written before the call returns, so that it survives a
 * SIGKILL. If the log cannot be written, lines are lost and the service goes on (see `lineWriter`).
 */
export async function createLogger(
  service: string,
  level: string,
  format: string,
): Promise<Logger> {
  const writer = lineWriter({
    onLost: ({ count, code }) =>
      logger.warn({ lost: count, code }, `Log lines lost: ${count} (${code})`),
  });
  const pretty = format === 'json' ? undefined : await prettifier();
  const write = (line: string) => writer.write(pretty ? pretty(line) : line);
  const stream = { write, flush: writer.flush };
  const options = { level, base: { service }, timestamp: stdTimeFunctions.epochTime };
  const logger = pino(options, stream);
  return logger;
}

/** Resolves with a function that turns a JSON line into a pretty one. */
async function prettifier(): Promise<(line: string) => string> {
  const { prettyFactory } = await import('pino-pretty');
  const look = { include: 'time,level,err', singleLine: true, translateTime: 'SYS:HH:MM:ss.l' };
  const pretty = prettyFactory({ ...look, messageFormat });
  return (line) => pretty(JSON.parse(line, printable));
}

/**
 * Makes a text safe for a terminal: escapes invisible characters and those that reverse the direction of
 * the text around them. Only a stack keeps its line breaks.
 */
function printable(key: string, value: unknown): unknown {
  if (typeof value !== 'string') return value;
  return value.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, (character) =>
    character === '\n' && key === 'stack' ? character : escaped(character),
  );
}

const escaped = (character: string) => `\\u{${character.codePointAt(0)?.toString(16)}}`;

/** The message, the cause and the time of a cancellation, and the first characters of the request's id. */
function messageFormat(line: Record<string, unknown>): string {
  const { cause, elapsedMs, requestId, traceUrl } = line;
  const message = String(line.msg);
  const ended = cause === undefined ? '' : ` (${cause}, ${elapsedMs} ms)`;
  const id = requestId === undefined ? '' : ` ${String(requestId).slice(0, SHORT_ID_LENGTH)}`;
  // Telemetry adds it to the first line of a request.
  const link = traceUrl === undefined ? '' : `\n${' '.repeat(PREFIX_COLUMNS)}${traceUrl}`;
  const room = MAX_COLUMNS - PREFIX_COLUMNS - ended.length - id.length;
  if (message.length <= room) return `${message}${ended}${id}${link}`;
  // Leave the cause out if the message contains it.
  const isSaid = message.includes(String(cause).replaceAll('-', ' '));
  const short = isSaid ? ` (${elapsedMs} ms)` : ended;
  return `${withShortIds(message, line, room + ended.length - short.length)}${short}${id}${link}`;
}

/** Shortens only the ids in `message`, until it fits into `room` columns or every id is short. */
function withShortIds(message: string, line: Record<string, unknown>, room: number): string {
  let text = message;
  for (const id of [line.orderID, line.productID]) {
    const characters = [...String(id ?? '')];
    const excess = text.length - room;
    if (excess <= 0 || characters.length <= SHORT_ID_LENGTH) continue;
    const left = Math.max(SHORT_ID_LENGTH, characters.length - excess - 1);
    text = text.replace(characters.join(''), () => `${characters.slice(0, left).join('')}…`);
  }
  return text;
}

/** `1 void`, `2 voids`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

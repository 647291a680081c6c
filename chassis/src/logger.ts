import { type Logger, pino, stdTimeFunctions } from 'pino';
import { lineWriter } from './line-writer.ts';

/** Columns that a pretty line should take at most, and those before its message: time and level. */
const MAX_COLUMNS = 120;
const PREFIX_COLUMNS = 22;

/** What is left of an id, at least, in a line that would be too long. */
const SHORT_ID_LENGTH = 8;

/**
 * A logger to stdout; `format`: `json`, one object a line, or `pretty`, for people. Each line is
 * written before the call returns, as long as its reader reads: what was answered has its line, also
 * after a SIGKILL. A log that cannot be written costs lines and nothing else (`lineWriter`).
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

/** Makes a pretty line, with its line break, of one in JSON. */
async function prettifier(): Promise<(line: string) => string> {
  const { prettyFactory } = await import('pino-pretty');
  const look = { include: 'time,level,err', singleLine: true, translateTime: 'SYS:HH:MM:ss.l' };
  const pretty = prettyFactory({ ...look, messageFormat });
  return (line) => pretty(JSON.parse(line, printable));
}

/**
 * A text as it may stand on a terminal: what cannot be seen, or turns round what is before and behind
 * it, is escaped. Only a stack has line breaks.
 */
function printable(key: string, value: unknown): unknown {
  if (typeof value !== 'string') return value;
  return value.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, (character) =>
    character === '\n' && key === 'stack' ? character : escaped(character),
  );
}

const escaped = (character: string) => `\\u{${character.codePointAt(0)?.toString(16)}}`;

/** The message, why and when its work ended, and the head of the request's id; JSON has the rest. */
function messageFormat(line: Record<string, unknown>): string {
  const { cause, elapsedMs, requestId, traceUrl } = line;
  const message = String(line.msg);
  const ended = cause === undefined ? '' : ` (${cause}, ${elapsedMs} ms)`;
  const id = requestId === undefined ? '' : ` ${String(requestId).slice(0, SHORT_ID_LENGTH)}`;
  // Whoever traces adds it, to the first line of a request.
  const link = traceUrl === undefined ? '' : `\n${' '.repeat(PREFIX_COLUMNS)}${traceUrl}`;
  const room = MAX_COLUMNS - PREFIX_COLUMNS - ended.length - id.length;
  if (message.length <= room) return `${message}${ended}${id}${link}`;
  // Most messages of a failure say the cause themselves, and better.
  const isSaid = message.includes(String(cause).replaceAll('-', ' '));
  const short = isSaid ? ` (${elapsedMs} ms)` : ended;
  return `${withShortIds(message, line, room + ended.length - short.length)}${short}${id}${link}`;
}

/** `message` in `room` columns, as far as that can be done by shortening its ids: never its words. */
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

/** How many there are, in words: `1 void`, `2 voids`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

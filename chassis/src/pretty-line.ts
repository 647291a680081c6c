import { inspect, styleText } from 'node:util';

/** The widest line. An id in it is shortened; a longer message goes on below. */
export const MAX_COLUMNS = 100;

/** Time, milliseconds and mark, each with the space behind it. */
const TIME_COLUMNS = 13;
const ELAPSED_COLUMNS = 8;
const MARK_COLUMNS = 2;
const BEFORE_MESSAGE = TIME_COLUMNS + ELAPSED_COLUMNS + MARK_COLUMNS;

/** An id is never shortened to fewer characters than this. */
const SHORT_ID_LENGTH = 8;

/** How many ids are remembered, two per order. */
const MAX_REMEMBERED = 2 * 10_000;

const INFO = 30;
const ERROR = 50;

/** One line of a service's log, with the fields that people see. docs/contract.md lists the messages. */
export interface LogLine {
  level: number;
  /** Unix time in milliseconds. */
  time: number;
  service?: string;
  msg: string;
  requestId?: string;
  paymentKey?: string;
  orderID?: string;
  productID?: string;
  /** Why work was canceled, or why a step failed. */
  cause?: string;
  /** How long the canceled work had taken, in milliseconds. */
  elapsedMs?: number;
  err?: unknown;
  traceUrl?: string;
}

/** Fields that are text if they are there. */
const TEXTS = [
  'msg',
  'service',
  'requestId',
  'paymentKey',
  'orderID',
  'productID',
  'cause',
  'traceUrl',
];

/**
 * Reads a line of JSON; undefined if it is no line of a log. Characters that are invisible or change the direction of
 * the text around them are escaped, so that it is safe for a terminal. Only a stack keeps its line breaks.
 */
export function readLine(text: string): LogLine | undefined {
  try {
    const line = JSON.parse(text, printable);
    const isText = (name: string) => ['string', 'undefined'].includes(typeof line[name]);
    const isLine = Number.isFinite(line.time) && 'msg' in line && TEXTS.every(isText);
    return isLine ? line : undefined;
  } catch {
    return undefined;
  }
}

function printable(key: string, value: unknown): unknown {
  if (typeof value !== 'string') return value;
  return value.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, (character) =>
    character === '\n' && key === 'stack' ? character : escaped(character),
  );
}

const escaped = (character: string) => `\\u{${character.codePointAt(0)?.toString(16)}}`;

/** The first characters of a request's id. */
export const shortId = (requestId: string) => requestId.slice(0, SHORT_ID_LENGTH);

/** When an order began, as far as the lines say that, and when one first said that it is canceled or failed. */
interface Progress {
  service: string | undefined;
  beganAt: number;
  canceledAt?: number;
}

/** Makes lines for people from lines in JSON. */
export class PrettyLines {
  readonly #columns: number;
  readonly #isColourful: boolean;
  /** By payment key, and by request id for the lines of services that do not know the key. */
  readonly #progress = new Map<string, Progress>();

  /** Each line has at most `columns` columns. */
  constructor({ columns = MAX_COLUMNS, isColourful = false } = {}) {
    this.#columns = columns;
    this.#isColourful = isColourful;
  }

  /**
   * The line as text: the time; the milliseconds since the order began or, with a plus sign, since it was canceled; a
   * mark; the message; the short id. What follows in lines of their own: the rest of a long message, the address of a
   * trace, a bug's stack. The text ends without a line break.
   */
  format(line: LogLine): string {
    const { requestId, traceUrl, err } = line;
    const id = requestId === undefined ? '' : ` ${shortId(requestId)}`;
    const room = this.#columns - BEFORE_MESSAGE - id.length;
    const [first = '', ...rest] = wrap(withShortIds(messageOf(line), line, room), room);
    const [mark, colour] = markOf(line);
    const time = this.#paint('dim', timeOf(line.time).padEnd(TIME_COLUMNS));
    const elapsed = this.#elapsed(line).padStart(ELAPSED_COLUMNS - 1);
    const message = this.#paint(colour, `${mark} ${first}`);
    const gap = id && ' '.repeat(room - columnsOf(first));
    const below = [...rest, ...(traceUrl === undefined ? [] : [traceUrl]), ...errorLines(err)];
    return [`${time}${elapsed} ${message}${gap}${this.#paint('dim', id)}`, ...below].join(
      `\n${' '.repeat(BEFORE_MESSAGE)}`,
    );
  }

  #paint(format: Colour | undefined, text: string): string {
    return this.#isColourful && format && text
      ? styleText(format, text, { validateStream: false })
      : text;
  }

  #elapsed(line: LogLine): string {
    const { time, cause, elapsedMs, service, paymentKey } = line;
    let order = this.#find(line);
    if (order?.canceledAt !== undefined) return `+${duration(time - order.canceledAt)}`;
    const isFirst = order === undefined;
    order ??= { service, beganAt: time - (elapsedMs ?? 0) };
    if (cause !== undefined) order.canceledAt = time;
    if (paymentKey !== undefined) this.#remember(line, order);
    return isFirst && elapsedMs === undefined ? '' : duration(time - order.beganAt);
  }

  #find({ service, paymentKey, requestId = '' }: LogLine): Progress | undefined {
    if (paymentKey !== undefined) return this.#progress.get(paymentKey);
    const order = this.#progress.get(requestId);
    // A service that knows the key writes it: without one this is another request under the same id.
    return order?.service === service ? undefined : order;
  }

  #remember({ paymentKey, requestId }: LogLine, order: Progress): void {
    for (const id of [paymentKey, requestId]) {
      if (id !== undefined) this.#progress.set(id, order);
    }
    for (const id of this.#progress.keys()) {
      if (this.#progress.size <= MAX_REMEMBERED) break;
      this.#progress.delete(id);
    }
  }
}

type Colour = 'dim' | 'green' | 'yellow' | 'red' | 'cyan';

/** What distinguishes a line at a glance: done, canceled or failed, voided, or something for an operator. */
function markOf(line: LogLine): [string, Colour?] {
  const { level, cause } = line;
  if (level >= ERROR) return ['!', 'red'];
  if (cause !== undefined) return ['✕', level > INFO ? 'red' : 'yellow'];
  if (level > INFO) return ['!', 'yellow'];
  const message = withoutSubject(line);
  if (message.startsWith('Payment voided')) return ['↺', 'cyan'];
  return /(completed|processed)$/.test(message) ? ['✓', 'green'] : [' '];
}

/** The message. If the reason is not in it, it follows, in place of the id of a canceled order or product. */
function messageOf(line: LogLine): string {
  const { level, msg, cause } = line;
  const text = level >= ERROR ? `ERROR: ${msg}` : msg;
  const short = withoutSubject(line);
  if (cause === undefined || short.includes(': ')) return text;
  const reason = cause.replaceAll('-', ' ');
  return level > INFO ? `${text} (${reason})` : `${short}: ${reason}`;
}

/** The message without ` for order: orderID-5678` or ` for product: 1234`. */
function withoutSubject({ msg, orderID, productID }: LogLine): string {
  for (const subject of [` for order: ${orderID}`, ` for product: ${productID}`]) {
    if (msg.endsWith(subject)) return msg.slice(0, -subject.length);
  }
  return msg;
}

/** Shortens the ids in a message, and nothing else, until it fits into `room` columns or they are short. */
function withShortIds(message: string, line: LogLine, room: number): string {
  const { level, orderID, productID } = line;
  let text = message;
  if (level >= ERROR) return text; // A record to act on.
  for (const id of [orderID, productID]) {
    const characters = [...(id ?? '')];
    const excess = columnsOf(text) - room;
    if (excess <= 0 || characters.length <= SHORT_ID_LENGTH) continue;
    const left = Math.max(SHORT_ID_LENGTH, characters.length - excess - 1);
    text = text.replace(characters.join(''), () => `${characters.slice(0, left).join('')}…`);
  }
  return text;
}

/** Breaks `text` at spaces, or within a word that is too long. */
function wrap(text: string, room: number): string[] {
  const first = startOf(text, room);
  if (first === text) return [text];
  const isWordEnd = text[first.length] === ' ';
  const end = isWordEnd ? first.length : first.lastIndexOf(' ');
  const at = end > 0 ? end : first.length;
  return [text.slice(0, at), ...wrap(text.slice(at).trimStart(), room)];
}

/** As much of the start of `text` as fits into `room` columns. */
export function startOf(text: string, room: number): string {
  let end = 0;
  let columns = 0;
  for (const character of text) {
    columns += columnsOf(character);
    if (columns > room) break;
    end += character.length;
  }
  return text.slice(0, end);
}

const WIDE =
  /[\p{Emoji_Presentation}\p{sc=Han}\p{sc=Hangul}\p{sc=Hiragana}\p{sc=Katakana}\u{3000}-\u{303E}\u{30FB}\u{30FC}\u{FF01}-\u{FF60}]/gu;

/** How many columns of a terminal the text takes. */
export function columnsOf(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  const characters = [...text.replaceAll(/\p{M}/gu, '')].length;
  return characters + (text.match(WIDE)?.length ?? 0);
}

/** The time of day in the local zone: `20:04:15.398`. */
function timeOf(time: number): string {
  const date = new Date(time);
  const [hours, minutes, seconds] = [date.getHours(), date.getMinutes(), date.getSeconds()].map(
    (part) => String(part).padStart(2, '0'),
  );
  return `${hours}:${minutes}:${seconds}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

/** A duration in at most six columns: `<1 ms`, `12 ms`, `3.0 s`. */
function duration(ms: number): string {
  if (ms < 1) return '<1 ms';
  if (ms < 1_000) return `${ms} ms`;
  if (ms < 100_000) return `${(ms / 1_000).toFixed(1)} s`;
  return ms < 3_600_000 ? `${Math.round(ms / 1_000)} s` : '>1 h';
}

/** A bug: its stack, and what else its error has. */
function errorLines(err: unknown): string[] {
  if (err === undefined) return [];
  const { stack, type: _, message: __, ...more } = Object(err);
  if (typeof stack !== 'string') return inspect(err).split('\n');
  const others = Object.keys(more).length > 0 ? inspect(more).split('\n') : [];
  return [...stack.split('\n'), ...others];
}

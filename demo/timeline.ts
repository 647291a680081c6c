import picocolors from 'picocolors';
import type { LogLine } from '../harness/service-process.ts';

/** Where CI is set, picocolors would colour a pipe too. */
const isColourful = process.stdout.isTTY === true && picocolors.isColorSupported;
export const colors = picocolors.createColors(isColourful);

/** `line` matches as much text as fits into one line of the lane, up to a space or the end. */
const LANES = [
  { name: 'client', width: 10, line: /.{1,9}( |$)/g, paint: colors.dim },
  { name: 'order-service', width: 20, line: /.{1,19}( |$)/g, paint: colors.cyan },
  { name: 'inventory-service', width: 22, line: /.{1,21}( |$)/g, paint: colors.yellow },
  { name: 'payment-service', width: 22, line: /.{1,21}( |$)/g, paint: colors.magenta },
];

/** A log line of a service, or an action of the client. */
type Event = Pick<LogLine, 'time' | 'service' | 'msg' | 'cause'>;

/** Lines arrive through three pipes. They are held back for this long, to be printed in order. */
const SORTING_MS = 30;

/** Prints events as they happen: milliseconds since the order began, and one lane per party. */
export class Timeline {
  #beganAt: number | undefined;
  #held: Event[] = [];

  begin(): void {
    this.#beganAt = undefined;
    print('ms', (lane) => lane);
  }

  show(event: Event): void {
    if (this.#held.push(event) === 1) setTimeout(() => this.flush(), SORTING_MS);
  }

  flush(): void {
    for (const { time, service, msg, cause } of this.#held.sort((a, b) => a.time - b.time)) {
      this.#beganAt ??= time;
      const text = cause && service !== 'order-service' ? `${msg} (${cause})` : msg;
      print(String(time - this.#beganAt), (lane) => (lane === service ? text : ''));
    }
    this.#held = [];
  }
}

function print(time: string, textOf: (lane: string) => string): void {
  const texts = LANES.map(({ name, line }) => textOf(name).match(line) ?? []);
  for (let row = 0; texts.some(({ length }) => row < length); row += 1) {
    const cells = texts.map((lines) => lines[row] ?? '');
    const lanes = LANES.map(({ width, paint }, lane) => paint(cells[lane]?.padEnd(width) ?? ''));
    process.stdout.write(`${(row === 0 ? time : '').padStart(5)} ${lanes.join('').trimEnd()}\n`);
  }
}

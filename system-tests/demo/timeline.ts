import colors from 'picocolors';
import type { LogLine } from '../harness/service-process.ts';

type Event = Pick<LogLine, 'time' | 'service' | 'msg' | 'cause'>;

const LANES = [
  { name: 'client', width: 10, paint: colors.dim },
  { name: 'order-service', width: 20, paint: colors.cyan },
  { name: 'inventory-service', width: 22, paint: colors.yellow },
  { name: 'payment-service', width: 22, paint: colors.magenta },
];

/** Lines reach us through three pipes; they are held back this long, to print them in order. */
const SORTING_MS = 30;

/** Prints what happens, as it happens: milliseconds since the order began, and a lane a party. */
export class Timeline {
  #beganAt: number | undefined;
  #held: Event[] = [];

  begin(): void {
    this.#beganAt = undefined;
    print('ms', ({ name }) => name);
  }

  show(event: Event): void {
    if (this.#held.push(event) === 1) setTimeout(() => this.flush(), SORTING_MS);
  }

  /** Prints what is held back. */
  flush(): void {
    for (const { time, service, msg, cause } of this.#held.sort((a, b) => a.time - b.time)) {
      this.#beganAt ??= time;
      const text = cause && service !== 'order-service' ? `${msg} (${cause})` : msg;
      print(String(time - this.#beganAt), ({ name }) => (name === service ? text : ''));
    }
    this.#held = [];
  }
}

function print(time: string, textOf: (lane: { name: string }) => string): void {
  const words = LANES.map((lane) =>
    textOf(lane).match(new RegExp(`.{1,${lane.width - 1}}( |$)`, 'g')),
  );
  for (let row = 0; row === 0 || words.some((lines) => lines?.[row]); row += 1) {
    const cells = LANES.map(({ width, paint }, lane) =>
      paint((words[lane]?.[row] ?? '').padEnd(width)),
    );
    process.stdout.write(`${(row === 0 ? time : '').padStart(5)} ${cells.join('').trimEnd()}\n`);
  }
}

import { setTimeout as sleep } from 'node:timers/promises';
import picocolors from 'picocolors';
import { type LineWriter, lineWriter } from '../chassis/src/line-writer.ts';
import { MAX_COLUMNS, PrettyLines, readLine } from '../chassis/src/pretty-line.ts';
import {
  CALLED,
  forEachCalled,
  SERVICES,
  type ServiceName,
  type ShortName,
  urlVariables,
} from '../services.ts';
import { ClosingLines } from './closing-lines.ts';
import type { Config } from './config.ts';
import { Service } from './service.ts';

/** Where CI is set, picocolors would colour a pipe too. */
const isColourful = process.stdout.isTTY === true && picocolors.isColorSupported;
const { cyan, yellow, magenta, green, blue, bold } = picocolors.createColors(isColourful);
const COLOURS = [cyan, yellow, magenta, green, blue];

/** The longest name of a service, and the space behind it. */
const NAME_COLUMNS = Math.max(...SERVICES.map(({ name }) => name.length)) + 1;

/** Errors of a write to a pipe or terminal that has closed. */
const READER_GONE = ['EPIPE', 'EIO'];

/** How long stopping waits for the reader of stdout to take the remaining lines. */
const FLUSH_TIMEOUT_MS = 1_000;

/** Runs the services on one terminal. None of them outlives the launcher. */
export class Launcher {
  readonly services: Readonly<Record<ShortName, Service>>;
  readonly #stdout: LineWriter;
  readonly #pretty = new PrettyLines({ columns: MAX_COLUMNS - NAME_COLUMNS, isColourful });
  readonly #closingLines = new ClosingLines((line) => this.print(bold(line)));
  /** Whether lines are for people: then the services write JSON, and the launcher formats it. */
  #isPretty = false;
  #stopped: Promise<void> | undefined;

  /** Calls `onUnexpectedExit` when a service ends unasked, and `onReaderGone` when stdout has closed. */
  constructor(onUnexpectedExit: () => void, onReaderGone: () => void) {
    this.#stdout = lineWriter({
      onLost: ({ count, code }) => this.print(`Log lines lost: ${count} (${code})`),
      onError: (code) => READER_GONE.includes(code) && onReaderGone(),
    });
    const services = SERVICES.map(({ name }, index) => {
      const colour = COLOURS[index % COLOURS.length] ?? String;
      const prefix = () => colour(this.#isPretty ? name.padEnd(NAME_COLUMNS) : `[${name}] `);
      const folder: ServiceName = `${name}-service`;
      const service = new Service(folder, {
        onLine: (text) => this.#printLine(prefix(), text),
        onErrorLine: (text) => process.stderr.write(`${prefix()}${text}\n`),
        onArrival: ({ path, requestId }) => {
          if (path !== '/void') this.#closingLines.reached(folder, requestId);
        },
        onEnd: (how, isExpected) => {
          const line = { level: 30, time: Date.now(), msg: how };
          this.print(prefix() + (this.#isPretty ? this.#pretty.format(line) : how));
          this.#closingLines.exited(folder, how);
          if (!isExpected && !this.isStopping) onUnexpectedExit();
        },
      });
      return [name, service];
    });
    this.services = Object.fromEntries(services);
  }

  /** Prints a line without waiting for a reader. */
  print(line: string): void {
    this.#stdout.write(`${line}\n`);
  }

  /** Prints a line of a service, as it is unless it is a log line to be shown to people. */
  #printLine(prefix: string, text: string): void {
    const line = this.#isPretty ? readLine(text) : undefined;
    const shown = line ? this.#pretty.format(line).replaceAll('\n', `\n${prefix}`) : text;
    this.print(prefix + shown);
    if (line) this.#closingLines.take(line);
  }

  get isStopping(): boolean {
    return this.#stopped !== undefined;
  }

  /** Starts all services; resolves with the URL of order-service. Rejects if one ends first. */
  async start(config: Config): Promise<string> {
    this.#isPretty = config.order.LOG_FORMAT === 'pretty';
    const format = this.#isPretty ? { LOG_FORMAT: 'json' } : {};
    const called = await forEachCalled(async (name) => ({
      url: await this.services[name].start({ ...config[name], ...format }),
    }));
    if (this.isStopping) throw new Error('the launcher is stopping');
    return this.services.order.start({ ...urlVariables(called), ...config.order, ...format });
  }

  /** Stops a service and starts it again on the same port. */
  async restart(service: Service): Promise<void> {
    await service.stop();
    if (!this.isStopping) await service.start();
  }

  /** Stops order-service first, because its orders in flight call the others. */
  stop(): Promise<void> {
    this.#stopped ??= this.services.order
      .stop()
      .then(() => Promise.all(CALLED.map((name) => this.services[name].stop())))
      .then(() => this.#flush());
    return this.#stopped;
  }

  async #flush(): Promise<void> {
    this.#closingLines.finish();
    const flushed = new Promise<void>((resolve) => this.#stdout.flush(resolve));
    await Promise.race([flushed, sleep(FLUSH_TIMEOUT_MS)]);
  }

  kill(): void {
    for (const service of Object.values(this.services)) service.kill();
  }
}

import { setTimeout as sleep } from 'node:timers/promises';
import picocolors from 'picocolors';
import { type LineWriter, lineWriter } from '../chassis/src/line-writer.ts';
import { CALLED, forEachCalled, SERVICES, type ShortName, urlVariables } from '../services.ts';
import type { Config } from './config.ts';
import { Service } from './service.ts';

/** Where CI is set, picocolors would colour a pipe too. */
const isColourful = process.stdout.isTTY === true && picocolors.isColorSupported;
const { cyan, yellow, magenta, green, blue } = picocolors.createColors(isColourful);
const COLOURS = [cyan, yellow, magenta, green, blue];

/** Errors of a write to a pipe or terminal that has closed. */
const READER_GONE = ['EPIPE', 'EIO'];

/** How long stopping waits for the reader of stdout to take the remaining lines. */
const FLUSH_TIMEOUT_MS = 1_000;

/** Runs the services on one terminal. None of them outlives the launcher. */
export class Launcher {
  readonly services: Readonly<Record<ShortName, Service>>;
  readonly #stdout: LineWriter;
  #stopped: Promise<void> | undefined;

  /** Calls `onUnexpectedExit` when a service ends unasked, and `onReaderGone` when stdout has closed. */
  constructor(onUnexpectedExit: () => void, onReaderGone: () => void) {
    this.#stdout = lineWriter({
      onLost: ({ count, code }) => this.print(`Log lines lost: ${count} (${code})`),
      onError: (code) => READER_GONE.includes(code) && onReaderGone(),
    });
    const services = SERVICES.map(({ name }, index) => {
      const prefix = COLOURS[index % COLOURS.length]?.(`[${name}]`);
      const service = new Service(
        `${name}-service`,
        (line, isError) => {
          if (isError) process.stderr.write(`${prefix} ${line}\n`);
          else this.print(`${prefix} ${line}`);
        },
        () => this.isStopping || onUnexpectedExit(),
      );
      return [name, service];
    });
    this.services = Object.fromEntries(services);
  }

  /** Prints a line without waiting for a reader. */
  print(line: string): void {
    this.#stdout.write(`${line}\n`);
  }

  get isStopping(): boolean {
    return this.#stopped !== undefined;
  }

  /** Starts all services; resolves with the URL of order-service. Rejects if one ends first. */
  async start(config: Config): Promise<string> {
    const called = await forEachCalled(async (name) => ({
      url: await this.services[name].start(config[name]),
    }));
    if (this.isStopping) throw new Error('the launcher is stopping');
    return this.services.order.start({ ...urlVariables(called), ...config.order });
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
    const flushed = new Promise<void>((resolve) => this.#stdout.flush(resolve));
    await Promise.race([flushed, sleep(FLUSH_TIMEOUT_MS)]);
  }

  kill(): void {
    for (const service of Object.values(this.services)) service.kill();
  }
}

import { setTimeout as sleep } from 'node:timers/promises';
import picocolors from 'picocolors';
import { type LineWriter, lineWriter } from '../chassis/src/line-writer.ts';
import { CALLED, forEachCalled, SERVICES, type ShortName, urlVariables } from '../services.ts';
import type { Config } from './config.ts';
import { Service } from './service.ts';

/** By itself picocolors colours a pipe too, where CI is set. */
const isColourful = process.stdout.isTTY === true && picocolors.isColorSupported;
const { cyan, yellow, magenta, green, blue } = picocolors.createColors(isColourful);
const COLOURS = [cyan, yellow, magenta, green, blue];

/** What a write fails with when nobody will read on: the pipe, or the terminal, is gone. */
const READER_GONE = ['EPIPE', 'EIO'];

/** How long a reader has, at the end, to take what is kept for it. */
const FLUSH_TIMEOUT_MS = 1_000;

/** The services on one terminal. None of them outlives the launcher. */
export class Launcher {
  readonly services: Readonly<Record<ShortName, Service>>;
  readonly #stdout: LineWriter;
  #stopped: Promise<void> | undefined;

  /** `onUnexpectedExit` is called when one of them ends by itself, `onReaderGone` when nobody reads stdout any more. */
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

  /** Prints a line, whether or not somebody reads it. */
  print(line: string): void {
    this.#stdout.write(`${line}\n`);
  }

  get isStopping(): boolean {
    return this.#stopped !== undefined;
  }

  /** Starts all; resolves with the URL of order-service. Rejects if one ends before. */
  async start(config: Config): Promise<string> {
    const called = await forEachCalled(async (name) => ({
      url: await this.services[name].start(config[name]),
    }));
    if (this.isStopping) throw new Error('the launcher is stopping');
    return this.services.order.start({ ...urlVariables(called), ...config.order });
  }

  /** Lets a service leave and starts it again where it was. */
  async restart(service: Service): Promise<void> {
    await service.stop();
    if (!this.isStopping) await service.start();
  }

  /** Lets order-service finish its orders, which call the others, and then those leave. */
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

  /** Ends all at once. */
  kill(): void {
    for (const service of Object.values(this.services)) service.kill();
  }
}

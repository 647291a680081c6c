import picocolors from 'picocolors';
import { CALLED, forEachCalled, SERVICES, type ShortName, urlVariables } from '../services.ts';
import type { Config } from './config.ts';
import { Service } from './service.ts';

/** By itself picocolors colours a pipe too, where CI is set. */
const isColourful = process.stdout.isTTY === true && picocolors.isColorSupported;
const { cyan, yellow, magenta, green, blue } = picocolors.createColors(isColourful);
const COLOURS = [cyan, yellow, magenta, green, blue];

/** The services on one terminal. None of them outlives the launcher. */
export class Launcher {
  readonly services: Readonly<Record<ShortName, Service>>;
  #left: Promise<void> | undefined;

  /** `onDeath` is called when one of them ends by itself. */
  constructor(onDeath: () => void) {
    const services = SERVICES.map(({ name }, index) => {
      const prefix = COLOURS[index % COLOURS.length]?.(`[${name}]`);
      const service = new Service(
        `${name}-service`,
        (line, stream = process.stdout) => stream.write(`${prefix} ${line}\n`),
        () => this.leaving || onDeath(),
      );
      return [name, service];
    });
    this.services = Object.fromEntries(services);
  }

  get leaving(): boolean {
    return this.#left !== undefined;
  }

  /** Starts all; resolves with the URL of order-service. Rejects if one ends before. */
  async start(config: Config): Promise<string> {
    const called = await forEachCalled(async (name) => ({
      url: await this.services[name].start(config[name]),
    }));
    if (this.leaving) throw new Error('told to leave');
    return this.services.order.start({ ...urlVariables(called), ...config.order });
  }

  /** Lets a service leave and starts it again where it was. */
  async restart(service: Service): Promise<void> {
    await service.stop();
    if (!this.leaving) await service.start();
  }

  /** Lets order-service finish its orders, which call the others, and then those leave. */
  leave(): Promise<void> {
    this.#left ??= this.services.order
      .stop()
      .then(() => Promise.all(CALLED.map((name) => this.services[name].stop())))
      .then(() => {});
    return this.#left;
  }

  /** Ends all at once. */
  kill(): void {
    for (const service of Object.values(this.services)) service.kill();
  }
}

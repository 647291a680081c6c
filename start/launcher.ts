import picocolors from 'picocolors';
import type { Config } from './config.ts';
import { Service } from './service.ts';

/** By itself picocolors colours a pipe too, where CI is set. */
const isColourful = process.stdout.isTTY === true && picocolors.isColorSupported;
const { cyan, yellow, magenta } = picocolors.createColors(isColourful);

/** The three services on one terminal. None of them outlives the launcher. */
export class Launcher {
  readonly order: Service;
  readonly inventory: Service;
  readonly payment: Service;
  #left: Promise<void> | undefined;

  /** `onDeath` is called when one of them ends by itself. */
  constructor(onDeath: () => void) {
    const service = (name: string, colour: (text: string) => string) => {
      const prefix = colour(`[${name}]`);
      return new Service(
        `${name}-service`,
        (line, stream = process.stdout) => stream.write(`${prefix} ${line}\n`),
        () => this.leaving || onDeath(),
      );
    };
    this.order = service('order', cyan);
    this.inventory = service('inventory', yellow);
    this.payment = service('payment', magenta);
  }

  get leaving(): boolean {
    return this.#left !== undefined;
  }

  /** Starts all three; resolves with the URL of order-service. Rejects if one ends before. */
  async start({ order, inventory, payment }: Config): Promise<string> {
    const [INVENTORY_URL, PAYMENT_URL] = await Promise.all([
      this.inventory.start(inventory),
      this.payment.start(payment),
    ]);
    if (this.leaving) throw new Error('told to leave');
    return this.order.start({ INVENTORY_URL, PAYMENT_URL, ...order });
  }

  /** Lets a service leave and starts it again where it was. */
  async restart(service: Service): Promise<void> {
    await service.stop();
    if (!this.leaving) await service.start();
  }

  /** Lets order-service finish its orders, which call the other two, and then those leave. */
  leave(): Promise<void> {
    this.#left ??= this.order
      .stop()
      .then(() => Promise.all([this.inventory.stop(), this.payment.stop()]))
      .then(() => {});
    return this.#left;
  }

  /** Ends all three at once. */
  kill(): void {
    for (const service of [this.order, this.inventory, this.payment]) service.kill();
  }
}

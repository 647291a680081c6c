import type { Scope } from 'request-scope';
import { PostgresAttempts } from '../../src/attempts/postgres.ts';
import type { Order } from '../../src/order.ts';
import { OrderFailed } from '../../src/order-failed.ts';
import { placeOrder } from '../../src/place-order.ts';
import type { Send } from '../../src/step.ts';
import { createUndoOrder, Voids } from '../../src/voids.ts';
import type { Report } from './judge.ts';
import { STEPS, servicesOf } from './services.ts';
import type { World } from './world.ts';

const LONG_MS = 60_000;

/** One process of order-service. */
export class Replica {
  isDead = false;
  readonly attempts: PostgresAttempts;
  readonly voids: Voids;
  readonly #send: Send;

  constructor(world: World) {
    this.#send = servicesOf(world, this);
    this.attempts = new PostgresAttempts(
      { pool: world.poolOf(this), schema: 'orders', isAvailable: true },
      LONG_MS,
    );
    this.voids = new Voids(createUndoOrder(this.attempts, STEPS, this.#send, LONG_MS), {
      giveUpMs: LONG_MS,
      rememberedMs: LONG_MS,
      isDurable: true,
      pause: () => world.pause(),
    });
  }

  /** Does what the route does. Resolves to undefined if the order was refused. */
  async place(order: Order, scope: Scope): Promise<Report['answer'] | undefined> {
    try {
      const result = await this.attempts.begin(order, scope);
      if (result === 'processed') return 'processed';
      if (result !== 'begun') return undefined;
      const { attempts, voids } = this;
      await placeOrder(order, { steps: STEPS, send: this.#send, attempts, voids }, scope);
      return 'processed';
    } catch (error) {
      if (!(error instanceof OrderFailed)) throw error;
      return error.kind === 'outcome-unknown' ? 'unknown' : 'failed';
    }
  }
}

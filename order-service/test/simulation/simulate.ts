import fc from 'fast-check';
import { pino } from 'pino';
import { ClientDisconnected, Scope } from '#request-scope';
import { CallFailed } from '../../src/http/call-failed.ts';
import type { Order } from '../../src/order.ts';
import { placeOrder } from '../../src/place-order.ts';
import { PostgresAttempts } from '../../src/postgres-attempts.ts';
import { takeOrphans } from '../../src/recover.ts';
import { takeBack } from '../../src/take-back.ts';
import { Voids } from '../../src/voids.ts';
import { paymentServiceOf } from './payment-service.ts';
import { type Fate, never, World } from './world.ts';

const log = pino({ level: 'silent' });
const LONG_MS = 60_000;
const MOST_ROUNDS = 20;

/** What happens to one order; how its steps mix with all the others' is the scheduler's choice. */
interface Story {
  hasKey: boolean;
  hangsUp: boolean;
  /** How often its caller asks again, if it has a key. */
  retries: number;
}

/** One run, as fast-check draws it. */
export interface Run {
  stories: Story[];
  fates: Fate[];
  crashes: number;
  recoveries: number;
  /** Whether every replica dies once nothing moves, with its voids waiting to be tried again. */
  allDie: boolean;
  scheduler: fc.Scheduler;
}

export const run: fc.Arbitrary<Run> = fc.record({
  stories: fc.array(
    fc.record({
      hasKey: fc.boolean(),
      hangsUp: fc.boolean(),
      retries: fc.integer({ min: 0, max: 2 }),
    }),
    { minLength: 1, maxLength: 2 },
  ),
  fates: fc.array(
    fc.constantFrom<Fate>('arrives', 'arrives', 'arrives', 'arrives', 'lost', 'answer lost'),
    { maxLength: 14 },
  ),
  crashes: fc.integer({ min: 0, max: 2 }),
  recoveries: fc.integer({ min: 0, max: 2 }),
  allDie: fc.boolean(),
  scheduler: fc.scheduler(),
});

/** What a caller was told of an order. */
interface Report {
  paymentKey: string;
  callerKey: string | undefined;
  said: 'processed' | 'failed' | 'unknown';
}

/** A process of order-service. */
class Replica {
  isDead = false;
  readonly attempts: PostgresAttempts;
  readonly voids: Voids;
  readonly #payment: ReturnType<typeof paymentServiceOf>;
  readonly #inventory: { check: (order: Order, scope: Scope) => Promise<void> };

  constructor(world: World) {
    this.#payment = paymentServiceOf(world, this);
    this.attempts = new PostgresAttempts(world.poolOf(this), LONG_MS);
    this.voids = new Voids(takeBack(this.attempts, this.#payment), {
      ...{ giveUpMs: LONG_MS, rememberedMs: LONG_MS, isDurable: true, pause: () => world.pause() },
    });
    this.#inventory = {
      check: async (_order, scope) => {
        await world.step('check');
        if (this.isDead) return await never();
        const target = { work: 'Order', step: 'Inventory check', service: 'inventory-service' };
        if (scope.signal.aborted) throw CallFailed.from(scope.signal.reason, scope, target);
      },
    };
  }

  /** As the route does it; undefined if the order was not taken. */
  async place(order: Order, scope: Scope): Promise<Report['said'] | undefined> {
    try {
      const beginning = await this.attempts.begin(order, scope);
      if (beginning === 'processed') return 'processed';
      if (beginning !== 'begun') return undefined;
      const { attempts, voids } = this;
      const inventory = this.#inventory;
      await placeOrder(order, { inventory, payment: this.#payment, attempts, voids }, scope);
      return 'processed';
    } catch (error) {
      if (!(error instanceof CallFailed)) throw error;
      return error.ending === 'outcome-unknown' ? 'unknown' : 'failed';
    }
  }
}

/**
 * Plays one run to its end, where every message has arrived and every replica but the last may have died.
 * Throws if an order that was reported as failed stays charged, or one that is charged cannot be known to be.
 */
export async function simulate(drawn: Run, crossings: Set<string>): Promise<void> {
  const { stories, fates, crashes, recoveries, allDie, scheduler } = drawn;
  const world = new World(scheduler, fates, crossings);
  const replicas = [new Replica(world), new Replica(world)];
  const living = () => replicas.filter(({ isDead }) => !isDead);
  const pick = (n: number) => living()[n % living().length] as Replica;
  const reports: Report[] = [];
  const bugs: unknown[] = [];
  let keys = 0;

  const ask = async (story: Story, callerKey: string | undefined, n: number) => {
    await world.step('order');
    const replica = pick(n);
    const scope = new Scope();
    const paymentKey = `payment-${keys++}`;
    const ids = { productID: '1', orderID: 'order', idempotencyKey: paymentKey, requestId: 'r' };
    let isThere = true;
    if (story.hangsUp && n === 0) {
      world.step('caller leaves').then(() => {
        isThere = false;
        scope.abort(new ClientDisconnected());
      });
    }
    const said = await replica.place({ ...ids, callerKey, log }, scope);
    if (said === 'unknown') crossings.add('nobody knows a verdict');
    if (isThere && !replica.isDead && said) reports.push({ paymentKey, callerKey, said });
    if (said === 'processed' && world.rows.get(paymentKey) === undefined && callerKey)
      crossings.add('a retry reads that its order is processed');
    if (said === undefined) crossings.add('a retry is refused');
  };

  const background = (work: Promise<unknown>) => {
    work.catch((error) => bugs.push(error));
  };
  stories.forEach((story, index) => {
    const callerKey = story.hasKey ? `caller-${index}` : undefined;
    for (let n = 0; n <= (callerKey ? story.retries : 0); n += 1)
      background(ask(story, callerKey, n));
  });
  for (let n = 0; n < crashes; n += 1) {
    background(
      world.step('crash').then(() => {
        pick(n).isDead = true;
        replicas.push(new Replica(world));
      }),
    );
  }
  for (let n = 0; n < recoveries; n += 1) background(recoverAt(() => pick(n), world));

  await scheduler.waitIdle();
  if (allDie) {
    for (const replica of replicas) replica.isDead = true;
    replicas.push(new Replica(world));
  }
  world.heal();
  const isOpen = () =>
    [...world.rows.values()].some((row) => row.is_open) || living().some(({ voids }) => voids.size);
  for (let round = 0; isOpen(); round += 1) {
    if (round === MOST_ROUNDS) throw new Error('an attempt stays open');
    background(recoverAt(() => pick(round), world));
    world.wakeAll();
    await scheduler.waitIdle();
  }
  if (bugs.length > 0) throw bugs[0];
  await judge(world, reports);
}

async function recoverAt(replica: () => Replica, world: World): Promise<void> {
  await world.step('recovery');
  const { attempts, voids } = replica();
  await takeOrphans(attempts, voids, log).catch((error) => {
    if (!(error instanceof CallFailed)) throw error;
  });
}

async function judge(world: World, reports: Report[]): Promise<void> {
  const payments = await world.ledger.payments('order');
  const charged = new Set(
    payments
      .filter(({ status }) => status === 'processed')
      .map((payment) => payment.idempotencyKey),
  );
  const readable = (callerKey: string | undefined) =>
    [...world.rows.values()].find((row) => row.caller_key === callerKey && callerKey !== undefined)
      ?.status === 'processed';
  for (const { paymentKey, callerKey, said } of reports) {
    const isCharged = charged.has(paymentKey);
    if (said === 'failed' && isCharged) throw new Error(`${paymentKey} failed, and is charged`);
    // Without a key it stays unknown if its replica dies with nothing on record: all was lost on the way.
    if (said === 'unknown' && callerKey && isCharged !== readable(callerKey))
      throw new Error(`${paymentKey} is recorded as what it is not`);
    if (said === 'processed' && callerKey && !readable(callerKey))
      throw new Error(`${paymentKey} was processed, and its key says otherwise`);
    if (said === 'processed' && !callerKey && !isCharged)
      throw new Error(`${paymentKey} was processed, and is not charged`);
  }
  for (const row of world.rows.values()) {
    const isProcessed = row.status === 'processed';
    if (isProcessed !== charged.has(row.payment_key))
      throw new Error(`${row.payment_key} is recorded as ${row.status}, which it is not`);
  }
}

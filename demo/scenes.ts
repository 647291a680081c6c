import type { LogQuery } from '../harness/service-process.ts';
import type { CalledName, ShortName } from '../services.ts';
import { duration, type Ending, type Money, type OrderRun, seconds } from './order-run.ts';
import type { Endless, PlacedOrder } from './services.ts';

export interface Scene {
  title: string;
  /** What to watch for. */
  watch: string;
  /** The step that the scene cuts short. */
  endless?: Endless;
  /** How long the caller waits. */
  budgetMs?: number;
  /** What happens to the order, in both systems. */
  act?: (order: PlacedOrder) => Promise<unknown>;
  promise: {
    /** How the client's wait ends. */
    ending: Ending;
    money: Money;
    /** What the services log. */
    logs: [ShortName, LogQuery][];
    /** order-service leaves with code 0. */
    leaves?: boolean;
  };
}

export interface Outcome {
  kept: boolean;
  /** What happened in our system. */
  seen: string;
  /** When the work stopped. */
  stopped: string;
}

const CANCELED = { msg: 'Order canceled: client disconnected' };
const TIME_IS_UP = { cause: 'deadline-exceeded' };
const PROCESSED = { msg: 'Order successfully processed' };
const voided = (number: number) => ({ msg: `Payment voided for order: scene-${number}` });

/** The client hangs up `atMs` after its order was placed, once that has reached `service`. */
const hangUpDuring = (service: CalledName, atMs: number) => async (order: PlacedOrder) => {
  await order.arrival(service);
  await order.at(atMs);
  order.hangUp();
};

export const scenes: Scene[] = [
  {
    title: 'An order that succeeds',
    watch: 'the check, then the payment, then the answer: one order, charged once.',
    promise: { ending: 200, money: 'charged once', logs: [['order', PROCESSED]] },
  },
  {
    title: 'Hang-up during the check',
    watch: 'the check stops at once, and no payment begins.',
    endless: 'check',
    act: hangUpDuring('inventory', 1_000),
    promise: {
      ending: 'hung up',
      money: 'not charged',
      logs: [
        ['order', CANCELED],
        ['inventory', { cause: 'client-disconnected' }],
      ],
    },
  },
  {
    title: 'Hang-up during the payment',
    watch: 'the payment stops at once; a void ensures that nothing is charged.',
    endless: 'payment',
    act: hangUpDuring('payment', 3_000),
    promise: {
      ending: 'hung up',
      money: 'not charged',
      logs: [
        ['order', CANCELED],
        ['payment', { cause: 'client-disconnected' }],
        ['payment', voided(3)],
      ],
    },
  },
  {
    title: 'Time is up, the network cut',
    watch: 'no hang-up gets through, so the payment must stop by its own timer.',
    endless: 'payment',
    budgetMs: 3_000,
    async act(order) {
      await order.arrival('payment');
      order.cutNetwork();
      await order.at(3_000);
      order.usual.hangUp();
      await Promise.all([order.ours.answered, order.ours.line('payment', TIME_IS_UP)]);
      order.healNetwork();
    },
    promise: {
      ending: 500,
      money: 'not charged',
      logs: [
        ['payment', TIME_IS_UP],
        ['payment', voided(4)],
      ],
    },
  },
  {
    title: 'Hang-up just after the charge',
    watch: 'the answer is on its way when the client leaves. A void takes the money back.',
    async act(order) {
      order.holdAnswers();
      await order.charged();
      order.hangUp();
      order.healNetwork();
    },
    promise: {
      ending: 'hung up',
      money: 'taken back',
      logs: [
        ['order', CANCELED],
        ['payment', voided(5)],
      ],
    },
  },
  {
    title: 'SIGTERM during the payment',
    watch: 'order-service finishes its order first, then it leaves.',
    async act(order) {
      await order.arrival('payment');
      await order.at(3_000);
      order.stopOrderServices();
    },
    promise: { ending: 200, money: 'charged once', logs: [['order', PROCESSED]], leaves: true },
  },
];

/** Plays a scene with an order that has just been placed. Resolves once both systems are done with it. */
export async function play({ act, promise }: Scene, order: PlacedOrder): Promise<Outcome> {
  await act?.(order);
  const { ours, usual } = order;
  const expected = promise.logs.map(([service, query]) => ours.line(service, query));
  const exit = promise.leaves ? ours.exit() : undefined;
  const [logged] = await Promise.all([Promise.all(expected), ours.answered, usual.processed()]);
  const isLeaving = (await exit) === (promise.leaves ? 0 : undefined);
  await Promise.all([ours.settle(), usual.settle()]);
  const { money, ended } = ours.run;
  const isAsPromised = money === promise.money && ended?.how === promise.ending;
  return {
    kept: isAsPromised && isLeaving && logged.every((line) => line !== undefined),
    seen: `${story(ours.run)}${promise.leaves ? `; exit code ${await exit}` : ''}`,
    stopped: stopped(ours.run),
  };
}

/** `2.0 s more, charged`: what the usual way did with the order. */
export function usualWay({ ended, forNobodyMs, money }: OrderRun): string {
  if (ended?.how === 200) return 'the same';
  return forNobodyMs > 0 ? `${seconds(forNobodyMs)} more, ${charge(money)}` : charge(money);
}

const charge = (money: Money) => money.replace(' once', '');

function stopped({ ended, stoppedMs, chargedAt }: OrderRun): string {
  if (ended?.how === 200) return 'it finished';
  if (chargedAt) return 'too late';
  return stoppedMs === undefined ? 'not seen' : `after ${duration(stoppedMs)}`;
}

function story({
  ended,
  placedAt,
  stoppedMs,
  leftAt,
  deadline,
  money,
  chargedAt,
  voidedAt,
}: OrderRun) {
  if (ended?.how === 200) return `answered 200 after ${duration(ended.at - placedAt)}; ${money}`;
  const cause = leftAt === deadline ? 'the deadline' : 'the hang-up';
  if (chargedAt && voidedAt && leftAt)
    return `too late to stop; ${money} ${duration(voidedAt - leftAt)} after ${cause}`;
  if (stoppedMs === undefined) return `the work was not seen to stop; ${money}`;
  return `all work stopped ${duration(stoppedMs)} after ${cause}; ${money}`;
}

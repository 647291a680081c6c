import type { LogLine } from '../harness/service-process.ts';
import type { Endless, PlacedOrder, Services } from './services.ts';

interface Outcome {
  kept: boolean;
  seen: string;
  savedMs?: number;
}

export interface Scene {
  title: string;
  /** What to watch for. */
  watch: string;
  play: (services: Services) => Promise<Outcome>;
  /** The step that the scene cuts short. */
  endless?: Endless;
}

const PLACED = { msg: 'Placing order for product: 1234' };

export const scenes: Scene[] = [
  {
    title: 'An order that succeeds',
    watch: 'the check, then the payment, then the answer: one order, charged once.',
    play: ({ place, order }) => answered(place('scene-1'), order),
  },
  {
    title: 'The client hangs up during the inventory check',
    watch: 'the check stops at once, and the lane of payment-service stays empty.',
    play: async ({ place, order, inventory, scale }) => {
      const placed = place('scene-2');
      await placed.line(order, PLACED);
      await placed.hangUp(1_000);
      const stopped = await placed.line(inventory, { cause: 'client-disconnected' });
      const payments = await placed.payments();
      const kept = stopped !== undefined && payments === 'none';
      const seen = `check ${stopAfter(stopped)}, payments: ${payments}`;
      return { kept, seen, ...saved((2_000 + 3_000) * scale, stopped) };
    },
    endless: 'check',
  },
  {
    title: 'The client hangs up during the payment',
    watch: 'the payment stops at once; a void ensures that nothing is charged.',
    play: async ({ place, inventory, payment, scale }) => {
      const placed = place('scene-3');
      await placed.line(inventory, { msg: 'Inventory check completed for product: 1234' });
      await placed.hangUp(1_000);
      return stopped(placed, payment, scale);
    },
    endless: 'payment',
  },
  {
    title: 'A caller with 3 s for an order of 5 s, and the network cut',
    watch: 'no hang-up gets through; the payment stops when its time is up.',
    play: async ({ place, network, payment, scale }) => {
      const placed = place('scene-4', 3_000);
      await placed.cutNetworkDuringPayment();
      const status = (await placed.answer)?.status;
      const spent = await placed.line(payment, { cause: 'deadline-exceeded' });
      network.heal();
      const { kept, ...outcome } = await stopped(placed, payment, scale);
      return { kept: kept && spent !== undefined && status === 500, ...outcome };
    },
    endless: 'payment',
  },
  {
    title: 'The payment commits just as the client leaves',
    watch: 'the client hangs up before the answer; a void undoes the payment.',
    play: async ({ place, network, payment }) => {
      network.holdAnswers();
      const placed = place('scene-5');
      const committed = await placed.line(payment, { msg: 'Payment processed for order: scene-5' });
      await placed.hangUp();
      network.heal();
      const voided = await placed.line(payment, { msg: 'Payment voided for order: scene-5' });
      const payments = await placed.payments();
      const seen = `voided ${tookMs(committed, voided)} after the commit, payments: ${payments}`;
      return { kept: committed !== undefined && payments === 'voided', seen };
    },
  },
  {
    title: 'SIGTERM to order-service with an order in flight',
    watch: 'the order finishes first, then the process leaves.',
    play: async ({ place, order }) => {
      const placed = place('scene-6');
      await placed.line(order, PLACED);
      order.signal('SIGTERM');
      const { kept, seen } = await answered(placed, order);
      const { code } = await order.exited;
      return { kept: kept && code === 0, seen: `${seen}, exit code ${code}` };
    },
  },
];

/** Kept if the order is answered 200 and charged once. */
async function answered(placed: PlacedOrder, order: Services['order']): Promise<Outcome> {
  const status = (await placed.answer)?.status;
  const begun = await placed.line(order, PLACED);
  const ended = await placed.line(order, { msg: 'Order successfully processed' });
  const payments = await placed.payments();
  const seen = `${status ?? 'no answer'} after ${tookMs(begun, ended)}, payments: ${payments}`;
  return { kept: status === 200 && payments === 'processed', seen };
}

/** Kept if the payment stopped early and is voided. */
async function stopped(
  placed: PlacedOrder,
  payment: Services['payment'],
  scale: number,
): Promise<Outcome> {
  const voided = await placed.line(payment, { msg: `Payment voided for order: ${placed.orderID}` });
  const canceled = { msg: `Payment processing canceled for order: ${placed.orderID}` };
  const stopped = await placed.line(payment, canceled);
  const payments = await placed.payments();
  const kept = voided !== undefined && stopped !== undefined && payments === 'voided';
  const seen = `payment ${stopAfter(stopped)}, payments: ${payments}`;
  return { kept, seen, ...saved(3_000 * scale, stopped) };
}

const stopAfter = (line?: LogLine) =>
  line ? `stopped after ${line.elapsedMs} ms` : 'not seen to stop';

/** The time between two lines, as text. */
const tookMs = (begun?: LogLine, ended?: LogLine) =>
  begun && ended ? `${ended.time - begun.time} ms` : 'a time not seen';

/** How much of `workMs` was not done because the work stopped. */
function saved(workMs: number, stopped?: LogLine): Pick<Outcome, 'savedMs'> {
  const savedMs = workMs - (stopped?.elapsedMs ?? workMs);
  return savedMs > 0 ? { savedMs } : {};
}

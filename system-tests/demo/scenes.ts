import type { Act, Stage } from './stage.ts';

type Outcome = { kept: boolean; seen: string; savedMs?: number };

/** One scene: its title, what to watch for, and how it is played. */
export type Scene = [title: string, watch: string, play: (stage: Stage) => Promise<Outcome>];

const PLACED = { msg: 'Placing order for product: 1234' };

export const scenes: Scene[] = [
  [
    'An order that succeeds',
    'the check, then the payment, then the answer: one order, charged once.',
    ({ place, order }) => answered(place('scene-1'), order),
  ],
  [
    'The client hangs up during the inventory check',
    'the check stops at once, and the lane of payment-service stays empty.',
    async ({ place, order, inventory, scale }) => {
      const act = place('scene-2');
      await act.line(order, PLACED);
      await act.hangUp(1_000);
      const stoppedMs = (await act.line(inventory, { cause: 'client-disconnected' }))?.elapsedMs;
      const payments = await act.payments();
      const seen = `check stopped after ${stoppedMs} ms, payments: ${payments}`;
      const kept = stoppedMs !== undefined && payments === 'none';
      return { kept, seen, savedMs: (2_000 + 3_000) * scale - Number(stoppedMs) };
    },
  ],
  [
    'The client hangs up during the payment',
    'the payment stops at once, and a void makes sure that it stays undone.',
    async ({ place, inventory, payment, scale }) => {
      const act = place('scene-3');
      await act.line(inventory, { msg: 'Inventory check completed for product: 1234' });
      await act.hangUp(1_000);
      return stopped(act, payment, scale);
    },
  ],
  [
    'A caller with 3 s for an order of 5 s, and the network cut',
    'no hang-up gets through; the payment stops by itself, its time is up.',
    async ({ place, network, payment, scale }) => {
      const act = place('scene-4', 3_000);
      await act.cutNetworkDuringPayment();
      const status = (await act.answer)?.status;
      const spent = await act.line(payment, { cause: 'deadline-exceeded' });
      network.heal();
      const { kept, ...outcome } = await stopped(act, payment, scale);
      return { kept: kept && spent !== undefined && status === 500, ...outcome };
    },
  ],
  [
    'The payment commits just as the client leaves',
    'the client hangs up before the answer arrives; a void takes it back.',
    async ({ place, network, payment }) => {
      const act = place('scene-5');
      await act.cutNetworkDuringPayment();
      const committed = await act.line(payment, { msg: 'Payment processed for order: scene-5' });
      await act.hangUp();
      network.heal();
      const voided = await act.line(payment, { msg: 'Payment voided for order: scene-5' });
      const payments = await act.payments();
      const tookMs = Number(voided?.time) - Number(committed?.time);
      const seen = `voided ${tookMs} ms after the commit, payments: ${payments}`;
      return { kept: committed !== undefined && payments === 'voided', seen };
    },
  ],
  [
    'SIGTERM to order-service with an order in flight',
    'the order finishes first, then the process leaves.',
    async ({ place, order }) => {
      const act = place('scene-6');
      await act.line(order, PLACED);
      order.signal('SIGTERM');
      const { kept, seen } = await answered(act, order);
      const { code } = await order.exited;
      return { kept: kept && code === 0, seen: `${seen}, exit code ${code}` };
    },
  ],
];

/** An order that must be answered 200 and charged once. */
async function answered(act: Act, order: Stage['order']): Promise<Outcome> {
  const status = (await act.answer)?.status;
  const begunAt = Number((await act.line(order, PLACED))?.time);
  const ended = await act.line(order, { msg: 'Order successfully processed' });
  const payments = await act.payments();
  const tookMs = Number(ended?.time) - begunAt;
  const seen = `${status} after ${tookMs} ms, payments: ${payments}`;
  return { kept: status === 200 && payments === 'processed', seen };
}

/** A payment that must have stopped early and been voided. */
async function stopped(act: Act, payment: Stage['payment'], scale: number): Promise<Outcome> {
  const voided = await act.line(payment, { msg: `Payment voided for order: ${act.orderID}` });
  const canceled = { msg: `Payment processing canceled for order: ${act.orderID}` };
  const stoppedMs = (await act.line(payment, canceled))?.elapsedMs;
  const payments = await act.payments();
  const kept = voided !== undefined && stoppedMs !== undefined && payments === 'voided';
  const seen = `payment stopped after ${stoppedMs} ms, payments: ${payments}`;
  return { kept, seen, savedMs: 3_000 * scale - Number(stoppedMs) };
}

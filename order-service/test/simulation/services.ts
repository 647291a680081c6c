import { IDEMPOTENCY_KEY_HEADER, operation, REQUEST_ID_HEADER } from '@orders/chassis';
import { ClientDisconnected, Scope } from 'request-scope';
import { PaymentVoided } from '../../../payment-service/src/ledger/ledger.ts';
import type { MemoryLedger } from '../../../payment-service/src/ledger/memory.ts';
import { readConfig } from '../../src/config.ts';
import type { Call } from '../../src/downstream/call.ts';
import type { Order } from '../../src/order.ts';
import { fromCancellation, OrderFailed } from '../../src/order-failed.ts';
import { orderSteps } from '../../src/place-order.ts';
import type { Send, Step } from '../../src/step.ts';
import { shippingStep } from '../shipping-step.ts';
import { never, type World } from './world.ts';

const LONG_MS = 60_000;

/** The last step, which leaves nothing to undo. */
const notify = ({ orderID, requestId }: Order) => ({
  step: 'Notification',
  service: 'notification-service',
  method: 'POST' as const,
  url: new URL('http://localhost:8085/notify'),
  params: {},
  headers: { [REQUEST_ID_HEADER]: requestId },
  operation: operation('notify', orderID),
});

/** The steps of every order, and after the payment one with an undo and one without. */
export const STEPS: readonly Step[] = [
  ...orderSteps(readConfig({})),
  shippingStep('http://localhost:8084'),
  { call: notify, timeoutMs: LONG_MS },
];

/** The services as the process `replica` sees them, over a network that loses and delays messages. */
export function servicesOf(world: World, replica: { isDead: boolean }): Send {
  return async (call, scope) => {
    if (replica.isDead) return await never();
    if (scope.signal.aborted)
      throw fromCancellation(scope.signal.reason, scope, call, { wasSent: false });
    const fate = world.fate();
    const far = new Scope();
    const left = new Promise<never>((_, reject) => {
      scope.signal.addEventListener('abort', () => {
        reject(fromCancellation(scope.signal.reason, scope, call));
        // The hang-up is a message too, and is lost with the others.
        if (fate === 'arrives')
          world.step('hang-up').then(() => far.abort(new ClientDisconnected()));
      });
    });
    const answered = async () => {
      await world.step('request');
      const isServed = fate === 'arrives' || fate === 'answer lost';
      const status = isServed ? await serve(call, scope, far) : undefined;
      await world.step('answer');
      if (fate === 'refused') throw new OrderFailed('request-refused', call, { detail: '422' });
      if (fate !== 'arrives') throw new OrderFailed('unreachable', call, { detail: 'lost' });
      if (status !== 200) throw new OrderFailed('other-status', call, { detail: String(status) });
    };
    const outcome = await Promise.race([answered(), left]).then(
      () => undefined,
      (error: unknown) => error,
    );
    if (replica.isDead) return await never();
    if (outcome && isAfterPayment(call)) world.crossings.add('a step after the payment fails');
    if (outcome) throw outcome;
  };

  /** The status with which the service of `call` answers. */
  async function serve(call: Call, near: Scope, far: Scope): Promise<number> {
    const key = call.headers[IDEMPOTENCY_KEY_HEADER];
    if (key === undefined) return 200; // Nothing to record.
    switch (call.url.pathname) {
      case '/pay':
        return await pay(key, near, far);
      case '/void': {
        const before = await statusIn(world.ledger, key);
        world.crossings.add(`a void meets a payment that is ${before ?? 'not there yet'}`);
        return await revoke(world.ledger, key, far);
      }
      case '/ship':
        return await work(world.shipments, key, far);
      case '/cancel':
        if ((await statusIn(world.shipments, key)) === 'processed')
          world.crossings.add('a shipment is undone');
        return await revoke(world.shipments, key, far);
      default:
        return 200;
    }
  }

  async function pay(key: string, near: Scope, far: Scope): Promise<number> {
    const status = await work(world.ledger, key, far);
    if (status === 410) world.crossings.add('a payment finds its tombstone');
    if (status === 408) world.crossings.add('a hang-up or a void stops the work');
    if (status !== 200) return status;
    if (near.signal.aborted) world.crossings.add('a commit crosses a hang-up');
    if (world.rows.get(key)?.status === 'failed')
      world.crossings.add('a commit crosses a recovery');
    if (replica.isDead) world.crossings.add('a commit outlives its order-service');
    return status;
  }

  /** Does the work of `key` in `ledger`, once. */
  async function work(ledger: MemoryLedger, key: string, far: Scope): Promise<number> {
    const onVoid = () => far.abort(new PaymentVoided());
    const result = await ledger.begin(key, 'order', { scope: far, onVoid });
    if (result === 'voided') return 410;
    if (result !== 'begun') return result === 'processed' ? 200 : 409;
    try {
      await Promise.race([world.step('work'), aborted(far)]);
      if (!(await ledger.commit(key, far))) throw new PaymentVoided();
      return 200;
    } catch {
      await ledger.cancel(key);
      return 408;
    }
  }
}

const isAfterPayment = ({ url }: Call) => /(ship|notify)$/.test(url.pathname);

async function statusIn(ledger: MemoryLedger, key: string): Promise<string | undefined> {
  const all = await ledger.payments('order');
  return all.find(({ paymentKey }) => paymentKey === key)?.status;
}

async function revoke(ledger: MemoryLedger, key: string, far: Scope): Promise<number> {
  const result = await ledger.void(key, 'order');
  far[Symbol.dispose]();
  return result === 'voided' || result === 'already-voided' ? 200 : 422;
}

function aborted({ signal }: Scope): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason));
  });
}

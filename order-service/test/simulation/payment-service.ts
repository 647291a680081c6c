import { ClientDisconnected, Scope } from '#request-scope';
import { PaymentVoided } from '../../../payment-service/src/ledger.ts';
import { CallFailed } from '../../src/http/call-failed.ts';
import type { Order } from '../../src/order.ts';
import type { PaymentClient } from '../../src/payment-client.ts';
import { never, type World } from './world.ts';

const TARGET = { work: 'Order', step: 'Payment processing', service: 'payment-service' };

/** The payment service as the process `replica` sees it, over a network that loses and delays. */
export function paymentServiceOf(world: World, replica: { isDead: boolean }): PaymentClient {
  /** What of `answer` reaches the caller, who leaves when `scope` aborts. */
  const call = async (scope: Scope, serve: (far: Scope) => Promise<number>): Promise<void> => {
    if (replica.isDead) return await never();
    if (scope.signal.aborted) throw CallFailed.from(scope.signal.reason, scope, TARGET);
    const fate = world.fate();
    const far = new Scope();
    const left = new Promise<never>((_, reject) => {
      scope.signal.addEventListener('abort', () => {
        reject(CallFailed.from(scope.signal.reason, scope, TARGET));
        // The hang-up travels by itself, and is lost with the rest.
        if (fate === 'arrives')
          world.step('hang-up').then(() => far.abort(new ClientDisconnected()));
      });
    });
    const answered = async () => {
      await world.step('request');
      const status = fate === 'lost' ? undefined : await serve(far);
      await world.step('answer');
      if (fate !== 'arrives') throw new CallFailed('unreachable', TARGET, { detail: 'lost' });
      if (status !== 200) throw new CallFailed('other-status', TARGET, { detail: String(status) });
    };
    const outcome = await Promise.race([answered(), left]).then(
      () => undefined,
      (error: unknown) => error,
    );
    if (replica.isDead) return await never();
    if (outcome) throw outcome;
  };
  const statusOf = (key: string) => world.rows.get(key);
  return {
    charge: ({ orderID, idempotencyKey: key }: Order, scope: Scope) =>
      call(scope, async (far) => {
        const beginning = await world.ledger.begin(key, orderID, far);
        if (beginning === 'voided') world.crossings.add('a payment finds its tombstone');
        if (beginning !== 'begun') return beginning === 'processed' ? 200 : 409;
        try {
          await Promise.race([world.step('work'), aborted(far)]);
          if (!(await world.ledger.commit(key, far))) throw new PaymentVoided();
        } catch {
          world.crossings.add('a hang-up or a void stops the work');
          await world.ledger.cancel(key);
          return 408;
        }
        if (scope.signal.aborted) world.crossings.add('a commit crosses a hang-up');
        if (statusOf(key)?.status === 'failed') world.crossings.add('a commit crosses a recovery');
        if (replica.isDead) world.crossings.add('a commit outlives its order-service');
        return 200;
      }),
    void: ({ orderID, idempotencyKey: key }: Order, scope: Scope) =>
      call(scope, async (far) => {
        const before = (await world.ledger.payments(orderID)).find(
          ({ idempotencyKey }) => idempotencyKey === key,
        );
        world.crossings.add(`a void meets a payment that is ${before?.status ?? 'not there yet'}`);
        const voiding = await world.ledger.void(key, orderID);
        far[Symbol.dispose]();
        return voiding === 'voided' || voiding === 'already-voided' ? 200 : 422;
      }),
  };
}

function aborted({ signal }: Scope): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason));
  });
}

import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { paymentsOf, send } from '../../harness/clients.ts';
import { output as run, startCommand } from '../../harness/command.ts';
import { ANY_PORTS } from '../support/any-ports.ts';
import { scene } from '../support/scene.ts';
import { withAddedStep } from './add-a-step.ts';

/** Long enough for the client to hang up before the step is done. */
const SHIPPING_DURATION_MS = 5_000;

scene(
  'docs/add-a-step.md is followed',
  'the step is typed, formatted and started, and leaves no failed order charged',
  async () => {
    await using copy = await withAddedStep();
    const { folder: cwd, files } = copy;
    const elsewhere = files.filter((file) => !file.startsWith('shipping-service/'));
    expect(elsewhere).toHaveLength(8);
    await run(['node_modules/.bin/tsc', '--noEmit'], { cwd });
    const sources = files.filter((file) => /\.(ts|json)$/.test(file));
    await run(['node_modules/.bin/biome', 'check', '--vcs-enabled=false', ...sources], { cwd });

    const env = {
      ...ANY_PORTS,
      ...{ SHIPPING_PORT: '0', SHIPPING_DURATION_MS: `${SHIPPING_DURATION_MS}` },
      ...{ CHECK_DURATION_MS: '0', PAYMENT_DURATION_MS: '0', CALL_TIMEOUT_MS: '60000' },
      TRANSPILED: '', // It is made of this repository, not of the copy.
    };
    const { child, closed, seen, output } = startCommand(
      process.execPath,
      ['run.js', 'start/start.ts'],
      env,
      cwd,
    );
    const paymentUrl = await seen(/^payment .*Listening on (\S+)/m);
    const orderUrl = await seen(/Try: curl (\S+)/);
    // The payment is logged before it is answered: the first hang-ups may come before the next step begins.
    for (let n = 1; !/Shipping canceled/.test(output()); n += 1) {
      const order = send(`${orderUrl}?orderID=gone-${n}`);
      order.answer.catch(() => {});
      await seen(new RegExp(`Payment processed for order: gone-${n}\\b`));
      await sleep(n * 50);
      order.hangUp();
      await seen(new RegExp(`Payment voided for order: gone-${n}\\b`));
      expect(await paymentsOf(`gone-${n}`, paymentUrl)).toEqual(['voided']);
    }
    expect((await send(`${orderUrl}?orderID=shipped`).answer).status).toBe(200);
    await seen(/Shipping arranged for order: shipped/);
    expect(await paymentsOf('shipped', paymentUrl)).toEqual(['processed']);
    child.kill('SIGINT');
    expect(await closed).toBe(0);
    return `${elsewhere.length} files outside of its folder`;
  },
);

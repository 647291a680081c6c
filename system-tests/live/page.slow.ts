import { expect } from 'vitest';
import { scene } from '../support/scene.ts';
import type { LiveLine } from './events.ts';
import { HUNG_UP, interrupt } from './live-interrupt.ts';
import { useLivePage } from './page.ts';

/** What a hang-up may take until the last service has stopped, by the services' own clocks. */
const STOPS_WITHIN_MS = 100;
/** A busy machine only adds to a time: of so many tries, one must keep within it. */
const TRIES = 8;

const live = useLivePage();
const { open, press, usual, ours, figures, label, sentence, told, onBoth } = live;

/** Hangs up during `path` until all of ours has stopped in time; resolves with how long it took. */
async function stopsInTime(path: '/check' | '/pay'): Promise<number> {
  const took: number[] = [];
  while (took.length < TRIES && Math.min(...took) > STOPS_WITHIN_MS) {
    const act = () => press('Hang up');
    const { oursEnd, worked, ofOrder } = await interrupt(live, { path, act, outcomes: HUNG_UP });
    const order = await ofOrder('ours', ({ msg }) => msg.startsWith('Order canceled'));
    took.push(Math.max(order.time, worked.time) - oursEnd.time);
  }
  const best = Math.min(...took);
  expect(best).toBeLessThanOrEqual(STOPS_WITHIN_MS);
  return Math.max(0, best);
}

scene(
  'Hang up, during the check',
  'ours ends at once, the usual one runs on and charges',
  async () => {
    const took = await stopsInTime('/check');
    await expect
      .poll(() => label(ours(), 'inventory').textContent())
      .toMatch(/stopped after \d+ ms/);
    await expect.poll(() => label(usual(), 'payment').textContent()).toMatch(/charged/);
    expect(await label(ours(), 'payment').count()).toBe(0);
    await expect
      .poll(sentence)
      .toMatch(/ran on for.*was charged.*stopped after.*nothing was charged/);
    const [wasted = '', failed] = await figures(usual());
    expect(Number.parseFloat(wasted)).toBeGreaterThan(3);
    expect(Number(failed)).toBeGreaterThan(0);
    expect((await figures(ours())).slice(1)).toEqual(['0', '0']);
    return `ours stopped ${took} ms after the hang-up; ${await sentence()}`;
  },
);

scene(
  'Hang up, during the payment',
  'ours ends at once, the usual one runs on and charges',
  async () => {
    const took = await stopsInTime('/pay');
    await expect.poll(() => label(ours(), 'payment').textContent()).toMatch(/stopped after \d+ ms/);
    await expect.poll(() => label(usual(), 'payment').textContent()).toMatch(/charged/);
    expect(Number((await figures(usual()))[1])).toBeGreaterThan(0);
    expect((await figures(ours())).slice(1)).toEqual(['0', '0']);
    expect(await usual().locator('.lanes .payment .over').count()).toBe(1);
    await expect.poll(sentence).toMatch(/^You hung up after .*This repository: the work stopped/);
    return `ours stopped ${took} ms after the hang-up; ${await sentence()}`;
  },
);

for (const [name, afterMs] of [
  ['Hang up in 1 s', 1_000],
  ['Hang up in 3 s', 3_000],
] as const) {
  scene(name, 'the fetch of the page is aborted then, on both sides', async () => {
    await press(name);
    const [placed] = await onBoth({ msg: 'Places an order' });
    const left = await onBoth({ outcome: 'hung up' });
    // The browser counts from its click, so a little less may be left when the order arrives.
    for (const { time } of left) expect(time - placed.time).toBeGreaterThan(afterMs * 0.8);
    await told('ours', { msg: 'Order canceled: client disconnected' });
    await told('usual', { msg: 'Order successfully processed' });
    await expect
      .poll(sentence)
      .toMatch(/^You hung up after \d\.\d s.*was charged.*nothing was charged/);
    return `${await sentence()}`;
  });
}

scene(
  'Caller waits 3 s',
  'ours stops when the budget is spent, the usual one charges',
  async () => {
    await press('Caller waits 3 s');
    const canceled = (event: LiveLine) => /^Payment processing canceled/.test(event.msg);
    const [placed, stopped] = await Promise.all([
      told('ours', { msg: 'Places an order' }),
      live.events.next((event) => event.side === 'ours' && canceled(event)),
    ]);
    expect(placed.budgetMs).toBe(3_000);
    await expect.poll(sentence).toMatch(/^The caller gave up.*was charged.*nothing was charged/);
    expect((await figures(ours()))[1]).toBe('0');
    return `the payment stopped ${stopped.time - placed.time} ms after the order was placed`;
  },
);

scene('The tab is closed', 'that is a hang-up, too', async () => {
  const place = async () => {
    if (live.page.isClosed()) await open();
    await press('Place order');
  };
  const act = () => live.page.close();
  const closed = { path: '/pay', act, outcomes: HUNG_UP, place } as const;
  const { oursEnd, worked, ofOrder } = await interrupt(live, closed);
  await ofOrder('ours', ({ msg }) => msg === 'Order canceled: client disconnected');
  await ofOrder('usual', ({ msg }) => msg === 'Order successfully processed');
  return `ours stopped ${Math.max(0, worked.time - oursEnd.time)} ms later, the usual one charged`;
});

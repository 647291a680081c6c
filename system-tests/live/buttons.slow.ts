import { expect } from 'vitest';
import { scene } from '../support/scene.ts';
import { interrupt } from './live-interrupt.ts';
import { useLivePage } from './page.ts';

const live = useLivePage();
const { press, usual, ours, sides, figures, label, sentence, onBoth } = live;

scene('Place order', 'both process it and charge it once', async () => {
  await press('Place order');
  await expect.poll(sentence).toMatch(/^Order \d+ has ended/);
  for (const column of sides()) {
    expect(await figures(column)).toEqual(['0 ms', '0', '1']);
    expect(await label(column, 'payment').textContent()).toMatch(/charged/);
    expect(await label(column, 'client').textContent()).toMatch(/answered/);
  }
  return `${await sentence()}`;
});

scene(
  'Cut the network, Heal',
  'ours takes the charge back once it can, the usual one keeps it',
  async () => {
    const cut = async () => {
      await press('Cut the network');
      await expect.poll(() => ours().locator('h2').textContent()).toMatch(/payment cut/);
    };
    await interrupt(live, { path: '/pay', act: cut, outcomes: ['failed', 'failed'] });
    for (const column of sides()) await expect.poll(() => figures(column)).toContain('1');
    expect(await label(ours(), 'payment').textContent()).toMatch(/charged/);
    await press('Heal');
    await expect.poll(() => label(ours(), 'payment').textContent()).toMatch(/taken back/);
    await expect.poll(sentence).toMatch(/was charged\. .*the charge was taken back/);
    expect((await figures(ours()))[1]).toBe('0');
    expect((await figures(usual()))[1]).toBe('1');
    return `${await sentence()}`;
  },
);

scene(
  'Stop order-service',
  'ours finishes its order; both come back, and so do their events',
  async () => {
    let restarts = 0;
    const stop = async () => {
      restarts += 1;
      await press('Stop order-service');
      await onBoth({ msg: 'order-service is back' }, restarts);
    };
    await interrupt(live, { path: '/pay', act: stop, outcomes: ['failed', 'processed'] });
    await expect.poll(() => label(usual(), 'order').textContent()).toMatch(/gone/);
    await expect.poll(() => figures(usual())).toContain('1');
    expect(await figures(ours())).toEqual(['0 ms', '0', '1']);
    await press('Place order');
    await expect.poll(async () => (await figures(usual()))[2]).toBe('1');
    await expect.poll(async () => (await figures(ours()))[2]).toBe('2');
    return 'the usual one failed a charged order, ours none; the next was processed by both';
  },
);

scene('50 orders, a third hang up', 'ours: charged = processed; left: not', async () => {
  await press('50 orders, a third hang up');
  await onBoth({ outcome: 'hung up' }, 17);
  await expect.poll(sentence).toMatch(/^50 orders, 17 hung up/);
  const charged = (side: string) => {
    const ofSide = live.events.items.filter((event) => event.side === side);
    const ids = (start: string) =>
      ofSide.filter(({ msg }) => msg.startsWith(start)).map(({ requestId }) => requestId);
    const voided = ids('Payment voided');
    return ids('Payment processed').filter((id) => !voided.includes(id)).length;
  };
  expect(charged('ours')).toBe(33);
  expect((await figures(ours())).slice(1)).toEqual(['0', '33']);
  // On a busy machine the first to hang up may do so before their order has been sent.
  const lost = charged('usual') - 33;
  expect(lost).toBeGreaterThan(8);
  expect((await figures(usual())).slice(1)).toEqual([String(lost), '33']);
  for (const column of sides()) expect(await column.locator('li').count()).toBe(20);
  return `${await sentence()}`;
});

scene('Reset', 'forgets the orders on every page, and heals the network', async () => {
  await press('Cut the network');
  await press('Place order');
  await expect.poll(() => ours().locator('li').count()).toBe(1);
  await press('Reset');
  await expect.poll(() => ours().locator('li').count()).toBe(0);
  for (const column of sides()) expect(await figures(column)).toEqual(['0 ms', '0', '0']);
  await press('Place order');
  await expect.poll(() => figures(ours())).toEqual(['0 ms', '0', '1']);
  return 'no order, no figure, and the next order succeeds';
});

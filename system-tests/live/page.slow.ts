import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { expect } from 'vitest';
import { startCommand } from '../../harness/command.ts';
import { portOf } from '../../harness/network.ts';
import { scene } from '../support/scene.ts';
import type { LiveLine } from './events.ts';
import { HUNG_UP, interrupt, startLive, useLivePage } from './page.ts';

const AXE = readFileSync(new URL(import.meta.resolve('axe-core/axe.min.js')), 'utf8');

const live = useLivePage();
const { open, press, usual, ours, sides, figures, label, sentence, nextEvent, onBoth } = live;

/** The time from a hang-up until the last service has stopped, by the services' clocks. */
const STOPS_WITHIN_MS = 100;
/** A busy machine only adds delay: one of these tries must be within the limit. */
const TRIES = 8;

/** Hangs up during `path` until all our services stop in time. Resolves with the milliseconds that took. */
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
    // The browser counts from the click, so the order may arrive with a little less time left.
    for (const { time } of left) expect(time - placed.time).toBeGreaterThan(afterMs * 0.8);
    await nextEvent('ours', { msg: 'Order canceled: client disconnected' });
    await nextEvent('usual', { msg: 'Order successfully processed' });
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
      nextEvent('ours', { msg: 'Places an order' }),
      live.events.next((event) => event.side === 'ours' && canceled(event)),
    ]);
    expect(placed.budgetMs).toBe(3_000);
    await expect.poll(sentence).toMatch(/^The caller gave up.*was charged.*nothing was charged/);
    expect((await figures(ours()))[1]).toBe('0');
    return `the payment stopped ${stopped.time - placed.time} ms after the order was placed`;
  },
);

scene('The tab is closed', 'the tab counts as a hang-up', async () => {
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
  // On a busy machine, the first clients may hang up before their orders have been sent.
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

scene('The keyboard only', 'places, hangs up, opens the log and copies the curl', async () => {
  const place = async () => {
    await live.page.context().close();
    await open({ permissions: ['clipboard-read', 'clipboard-write'] });
    await live.page.keyboard.press('Tab');
    await live.page.keyboard.press('Enter');
  };
  const act = () => live.page.keyboard.press('Escape');
  const { ofOrder } = await interrupt(live, { path: '/pay', act, outcomes: HUNG_UP, place });
  await ofOrder('usual', ({ msg }) => msg === 'Order successfully processed');
  // Wait for the order's last sentence: a later one would replace "Copied".
  await expect.poll(sentence).toMatch(/^You hung up .*was charged.*nothing was charged/);
  await ours().locator('summary').focus();
  await live.page.keyboard.press('Enter');
  const log = ours().locator('pre');
  await expect
    .poll(() => log.textContent())
    .toMatch(/payment +Payment processing canceled.*(client|voided)/); // whichever comes first
  await ours()
    .getByRole('button', { name: /^Copy the curl of order/ })
    .focus();
  await live.page.keyboard.press('Enter');
  await expect.poll(sentence).toMatch(/^Copied/);
  const curl = await live.page.evaluate<string>('navigator.clipboard.readText()');
  expect(curl).toMatch(
    /^curl --max-time [\d.]+ 'http:\/\/127\.0\.0\.1:\d+\/order\?orderID=live-\d+'$/,
  );
  const run = startCommand('sh', ['-c', `${curl} --silent`]);
  expect(await run.closed).toBe(28);
  return curl;
});

scene(
  'The page at 1280 and at 390 pixels, light and dark',
  'no violation that axe finds',
  async () => {
    await press('Hang up in 1 s');
    await nextEvent('usual', { msg: 'Order successfully processed' });
    await ours().locator('summary').click();
    for (const width of [1_280, 390]) {
      await live.page.setViewportSize({ width, height: 800 });
      for (const colorScheme of ['light', 'dark'] as const) {
        await live.page.emulateMedia({ colorScheme });
        await live.page.evaluate(AXE);
        const { violations } = await live.page.evaluate<{ violations: { id: string }[] }>(
          'axe.run()',
        );
        expect(violations.map(({ id }) => id)).toEqual([]);
      }
      const overflow = 'document.documentElement.scrollWidth - innerWidth';
      expect(await live.page.evaluate<number>(overflow)).toBeLessThanOrEqual(0);
    }
    return 'none, and nothing to scroll sideways';
  },
);

scene('Reduced motion', 'bars step with the events, and grow otherwise', async () => {
  const grown = `new Promise((resolve) => {
    const bar = () => document.querySelector('#ours .lanes .payment .bar').style.width;
    const [before, end] = [bar(), performance.now() + 300];
    const look = () => performance.now() > end ? resolve(bar() !== before) : requestAnimationFrame(look);
    look();
  })`;
  const grows: unknown[] = [];
  for (const reducedMotion of ['reduce', 'no-preference'] as const) {
    await live.page.emulateMedia({ reducedMotion });
    await press('Place order');
    await onBoth({ path: '/pay' }, grows.length + 1);
    await ours().locator('.lanes .payment .bar').first().waitFor({ state: 'attached' });
    grows.push(await live.page.evaluate(grown));
    await press('Hang up');
    await onBoth({ msg: 'Hangs up' }, grows.length);
  }
  expect(grows).toEqual([false, true]);
  return 'still, and moving';
});

scene("Another origin's page", 'can read nothing and press nothing', async () => {
  const evil = createServer((_, res) => res.setHeader('Content-Type', 'text/html').end('<p>evil'));
  await new Promise<void>((resolve) => evil.listen(0, '127.0.0.1', resolve));
  await live.page.goto(`http://localhost:${portOf(evil)}`);
  const seen = await live.page.evaluate<string[]>(`Promise.all([
    fetch('${live.url}/events').then(() => 'read', () => 'refused'),
    fetch('${live.url}/order', { method: 'POST', mode: 'no-cors' }).then(() => 'sent', () => 'refused'),
    new Promise((resolve) => { new EventSource('${live.url}/events').onerror = () => resolve('refused'); }),
  ])`);
  expect(seen).toEqual(['refused', 'refused', 'refused']);
  await open();
  expect(await ours().locator('li').count()).toBe(0);
  evil.closeAllConnections();
  evil.close();
  return 'both refused, and no order placed';
});

scene('npm run live, again on the same port', 'one line, and exit code 1', async () => {
  const second = startLive({ LIVE_PORT: new URL(live.url).port });
  expect(await second.closed).toBe(1);
  expect(second.output()).toMatch(
    /^live: listen EADDRINUSE.*; set LIVE_PORT to use another port\n$/,
  );
  return second.output().trim();
});

scene(
  '--as-usual=off, then Ctrl+C with an order under way',
  'one column, and nothing is left',
  async () => {
    const alone = startLive({ LIVE_PORT: '0' }, '--as-usual=off');
    await live.page.goto(await alone.seen(/Open (\S+)/));
    await ours().waitFor();
    expect(await usual().count()).toBe(0);
    await live.page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await press('Place order');
    await expect.poll(sentence).toMatch(/is under way\.$/); // A later sentence would replace "Copied".
    await ours()
      .getByRole('button', { name: /^Copy the curl/ })
      .click();
    await expect.poll(sentence).toMatch(/^Copied/);
    const curl = await live.page.evaluate<string>('navigator.clipboard.readText()');
    const [orderUrl = ''] = /http:\/\/[^/]+/.exec(curl) ?? [];
    expect((await fetch(`${orderUrl}/health`)).status).toBe(200);
    alone.child.kill('SIGINT');
    expect(await alone.closed).toBe(0);
    await expect(fetch(`${orderUrl}/health`)).rejects.toThrow();
    return 'exit code 0, and order-service is gone';
  },
);

import { createServer } from 'node:http';
import { expect } from 'vitest';
import { curl } from '../../harness/clients.ts';
import { startCommand } from '../../harness/command.ts';
import { portOf } from '../../harness/network.ts';
import { scene } from '../support/scene.ts';
import { HUNG_UP, interrupt, startLive, useLivePage } from './page.ts';

const live = useLivePage();
const { open, press, usual, ours, figures, label, money, rows, marks, sentence } = live;
const { nextEvent, onBoth } = live;

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
      .toMatch(/✓ stopped .*ms later/);
    expect(await label(ours(), 'inventory').textContent()).toMatch(/order-service hung up/);
    await expect.poll(() => money(usual())).toMatch(/stays charged/);
    expect(await label(ours(), 'payment').count()).toBe(0);
    await expect
      .poll(sentence)
      .toMatch(/Ran on for.*charged it.*Stopped .* after the hang-up, nothing charged/);
    const [wasted = '', failed] = await figures('usual');
    expect(Number.parseFloat(wasted)).toBeGreaterThan(3);
    expect(Number(failed)).toBeGreaterThan(0);
    expect((await figures('ours')).slice(1)).toEqual(['0', '0']);
    return `ours stopped ${took} ms after the hang-up; ${await sentence()}`;
  },
);

scene(
  'Hang up, during the payment',
  'ours ends at once, the usual one runs on and charges',
  async () => {
    const took = await stopsInTime('/pay');
    await expect.poll(() => label(ours(), 'payment').textContent()).toMatch(/✓ stopped .*ms later/);
    await expect.poll(() => money(usual())).toMatch(/stays charged/);
    await expect.poll(() => money(ours())).toMatch(/nothing charged · voided/);
    expect(Number((await figures('usual'))[1])).toBeGreaterThan(0);
    expect((await figures('ours')).slice(1)).toEqual(['0', '0']);
    expect(await usual().locator('.payment .over').count()).toBe(1);
    await expect.poll(sentence).toMatch(/^The client hung up after .*this repository: Stopped/);
    return `ours stopped ${took} ms after the hang-up; ${await sentence()}`;
  },
);

scene(
  'The page is opened',
  'it plays a hang-up once by itself, if nobody presses anything',
  async () => {
    await live.page.context().close();
    await open();
    await onBoth({ msg: 'Places an order' });
    await expect.poll(sentence).toMatch(/^Under way: the client hangs up at 3 s/);
    await onBoth({ outcome: 'hung up' });
    await expect
      .poll(sentence)
      .toMatch(/^The client hung up after 3\.\d s.*charged it.*nothing charged/);
    await open();
    await rows().first().waitFor();
    expect(await rows().count()).toBe(1);
    return `${await sentence()}`;
  },
);

scene(
  'Place order, Esc',
  'the page says that one can hang up now, and then that it happened',
  async () => {
    await press('Place order');
    await expect.poll(sentence).toMatch(/^Under way: now hang up \(Esc\)/);
    await live.page.keyboard.press('Escape');
    await onBoth({ outcome: 'hung up' });
    await expect.poll(sentence).toMatch(/^The client hung up/);
    await nextEvent('usual', { msg: 'Order successfully processed' });
    return `${await sentence()}`;
  },
);

scene('The client hangs up', 'after 3 s, on both sides', async () => {
  await press('The client hangs up');
  const [placed] = await onBoth({ msg: 'Places an order' });
  const left = await onBoth({ outcome: 'hung up' });
  // The browser counts from the click, so the order may arrive with a little less time left.
  for (const { time } of left) expect(time - placed.time).toBeGreaterThan(2_400);
  await nextEvent('ours', { msg: 'Order canceled: client disconnected' });
  await nextEvent('usual', { msg: 'Order successfully processed' });
  await expect
    .poll(sentence)
    .toMatch(/^The client hung up after \d\.\d s.*charged it.*nothing charged/);
  expect(await marks()).toEqual(['✕ the client hangs up']);
  return `${await sentence()}`;
});

scene(
  'Its 3 s run out',
  'the deadline is what stops ours, and each call shows its budget',
  async () => {
    await press('Its 3 s run out');
    const [placed, answered] = await Promise.all([
      nextEvent('ours', { msg: 'Places an order' }),
      nextEvent('ours', { msg: 'Gets 500' }),
      nextEvent('usual', { outcome: 'gave up' }),
    ]);
    expect(placed.waitsMs).toBe(3_000);
    await nextEvent('ours', { msg: 'Payment processing failed: deadline exceeded' });
    await expect
      .poll(sentence)
      .toMatch(/^Its 3 s ran out.*charged it.*after its time was up, nothing charged/);
    expect(await marks()).toEqual(['✕ its 3 s are over']);
    const [check = '', pay = ''] = await ours().locator('.chip').allTextContents();
    expect(check).toMatch(/^2,\d{3} ms left$/);
    expect(pay).toMatch(/^\d{1,3} ms left$/);
    const paid = await nextEvent('ours', { path: '/pay' });
    expect(pay).toContain(String(paid.budgetMs));
    expect((await figures('ours'))[1]).toBe('0');
    return `500 after ${answered.time - placed.time} ms; ${check}, ${pay}; ${await sentence()}`;
  },
);

scene(
  'The service shuts down',
  'ours finishes its order; the usual one loses it and charges',
  async () => {
    await press('The service shuts down');
    await onBoth({ msg: 'order-service is back' });
    await nextEvent('usual', { outcome: 'failed' });
    await nextEvent('ours', { outcome: 'processed' });
    await expect
      .poll(sentence)
      .toMatch(
        /^order-service got SIGTERM after 3\.\d s.*charged it \(killed at once, order lost\).*finished its order/,
      );
    expect(await marks()).toEqual(['SIGTERM to order-service']);
    await expect.poll(() => label(usual(), 'order').textContent()).toMatch(/killed at once/);
    await expect.poll(() => figures('usual')).toContain('1');
    expect(await figures('ours')).toEqual(['0 s', '0', '1']);
    await press('Place order');
    await expect.poll(async () => (await figures('usual'))[2]).toBe('1');
    await expect.poll(async () => (await figures('ours'))[2]).toBe('2');
    return 'the usual one failed a charged order, ours none; the next was processed by both';
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
  await expect.poll(sentence).toMatch(/^Order \d+ was processed/);
  for (const name of ['usual', 'ours'] as const)
    expect(await figures(name)).toEqual(['0 s', '0', '1']);
  for (const side of [usual(), ours()]) {
    expect(await money(side)).toMatch(/charged once/);
    expect(await label(side, 'order').textContent()).toMatch(/answered 200 at \d\.\d s/);
  }
  return `${await sentence()}`;
});

scene(
  'Cut the network, Restore the network',
  'ours takes the charge back once it can, the usual one keeps it',
  async () => {
    const cut = async () => {
      await press('Cut the network');
      await expect.poll(() => ours().locator('.state').textContent()).toBe('network cut');
    };
    await interrupt(live, { path: '/pay', act: cut, outcomes: ['failed', 'failed'] });
    for (const name of ['usual', 'ours'] as const)
      await expect.poll(() => figures(name)).toContain('1');
    await expect.poll(sentence).toMatch(/still charged: the refund waits for the network/);
    expect(await money(ours())).toMatch(/still charged/);
    await press('Restore the network');
    await expect.poll(() => money(ours())).toMatch(/taken back at \d+\.\d s/);
    await expect.poll(sentence).toMatch(/and charged it .*the charge was taken back/);
    expect(await marks()).toEqual(['network cut', '✕ answered 500', 'network restored']);
    expect((await figures('ours'))[1]).toBe('0');
    expect((await figures('usual'))[1]).toBe('1');
    return `${await sentence()}`;
  },
);

scene(
  'curl, then Ctrl+C',
  'an order from a terminal appears, and stops when it is interrupted',
  async () => {
    const commands = await live.page.locator('#terminal code').allTextContents();
    const [usualUrl = '', oursUrl = ''] = commands.map((command) => command.replace('curl ', ''));
    const run = async (side: string, url: string) => {
      const client = curl('--silent', url);
      const { requestId = '' } = await nextEvent(side, { path: '/pay' });
      await expect.poll(sentence).toMatch(/^The order from curl is under way: interrupt it/);
      client.interrupt();
      await client.ended;
      await nextEvent(side, { requestId, outcome: 'hung up' });
    };
    await run('ours', oursUrl);
    await expect
      .poll(sentence)
      .toMatch(/^The client hung up .*this repository: Stopped .*nothing charged/);
    await run('usual', usualUrl);
    await expect
      .poll(sentence)
      .toMatch(/^The client hung up .*the usual way: Ran on for .*charged it/);
    expect((await figures('usual'))[1]).toBe('1');
    expect((await figures('ours'))[1]).toBe('0');
    const whole = await curl('--silent', oursUrl).ended;
    expect(whole).toMatchObject({ code: 0, body: 'Order successfully processed\n' });
    await expect.poll(() => figures('ours')).toContain('1');
    return `${commands.join(', ')}; ${await sentence()}`;
  },
);

scene('Reset', 'forgets the orders on every page, and restores the network', async () => {
  await press('Cut the network');
  await press('Place order');
  await expect.poll(() => rows().count()).toBe(1);
  await press('Reset');
  await expect.poll(() => rows().count()).toBe(0);
  for (const name of ['usual', 'ours'] as const)
    expect(await figures(name)).toEqual(['0 s', '0', '0']);
  await press('Place order');
  await expect.poll(() => figures('ours')).toEqual(['0 s', '0', '1']);
  await expect.poll(sentence).toMatch(/^Order 1 was processed/);
  return 'no order, no figure, and order 1 succeeds';
});

scene('The keyboard only', 'hangs up, opens the log and copies the command', async () => {
  const place = async () => {
    await live.page.context().close();
    await open({ permissions: ['clipboard-read', 'clipboard-write'] });
    await live.page.keyboard.press('Tab');
    await live.page.keyboard.press('Enter');
  };
  const act = () => live.page.keyboard.press('Escape');
  const { ofOrder } = await interrupt(live, { path: '/pay', act, outcomes: HUNG_UP, place });
  await ofOrder('usual', ({ msg }) => msg === 'Order successfully processed');
  await expect.poll(sentence).toMatch(/^The client hung up .*charged it.*nothing charged/);
  await live.page.getByText('What was logged').focus();
  await live.page.keyboard.press('Enter');
  await expect
    .poll(() => live.page.getByLabel('Log of this repository').textContent())
    .toMatch(/payment +Payment processing canceled.*(client|voided)/); // whichever comes first
  await live.page.getByRole('button', { name: 'Copy the command for this repository' }).focus();
  await live.page.keyboard.press('Enter');
  await expect.poll(sentence).toMatch(/^Copied/);
  const command = await live.page.evaluate<string>('navigator.clipboard.readText()');
  expect(command).toMatch(/^curl http:\/\/localhost:\d+\/order$/);
  const run = startCommand('sh', ['-c', `${command} --silent --max-time 1`]);
  expect(await run.closed).toBe(28);
  return command;
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
  expect(await rows().count()).toBe(0);
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
  'one side, and nothing is left',
  async () => {
    const alone = startLive({ LIVE_PORT: '0' }, '--as-usual=off');
    await live.page.goto(await alone.seen(/Open (\S+)/));
    await ours().waitFor();
    expect(await usual().count()).toBe(0);
    await press('Place order');
    await expect.poll(sentence).toMatch(/^Under way/);
    const command = (await live.page.locator('#terminal code').textContent()) ?? '';
    const [url = ''] = /http:\/\/[^/]+/.exec(command) ?? [];
    expect((await fetch(`${url}/health`)).status).toBe(200);
    alone.child.kill('SIGINT');
    expect(await alone.closed).toBe(0);
    await expect(fetch(`${url}/health`)).rejects.toThrow();
    await expect.poll(sentence).toMatch(/^Lost npm run live/);
    return 'exit code 0, and order-service is gone';
  },
);

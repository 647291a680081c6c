import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { scene } from '../support/scene.ts';
import { useScriptedPage } from './scripted-page.ts';

const AXE = readFileSync(new URL(import.meta.resolve('axe-core/axe.min.js')), 'utf8');
const WIDTHS = [320, 390, 768, 1280, 1920];

/** The texts of the chart that touch another in their lane, or leave the chart. */
const OVERLAPS = `(() => {
  const chart = document.getElementById('chart').getBoundingClientRect();
  const found = [];
  for (const lane of document.querySelectorAll('.lane')) {
    const texts = [...lane.querySelectorAll('.name, .chip, .label, .event')]
      .filter((text) => text.textContent.trim());
    for (const [index, text] of texts.entries()) {
      const box = text.getBoundingClientRect();
      if (box.right > chart.right || box.left < chart.left) found.push('outside: ' + text.textContent);
      for (const other of texts.slice(index + 1)) {
        const second = other.getBoundingClientRect();
        if (box.left < second.right && second.left < box.right
          && box.top + 1 < second.bottom && second.top + 1 < box.bottom)
          found.push(text.textContent + ' / ' + other.textContent);
      }
    }
  }
  return found;
})()`;

const scripted = useScriptedPage();
const { open, pay, hangUp, get, act, stop, charge, voidIt, succeed } = scripted;
const { line, arrival, sentence, figure, label } = scripted;

/** Both sides are paying when the client hangs up; ours stops, the usual one runs to its end. */
function playHangUp() {
  for (const side of ['usual', 'ours'] as const) {
    pay(side);
    hangUp(side, 3_000);
  }
  stop('ours', 3_016);
  voidIt('ours', 3_020);
  charge('usual', 5_000);
  succeed('usual', 5_002);
}

/** Both sides are paying when the client's 3 s run out. */
function playDeadline() {
  for (const side of ['usual', 'ours'] as const) pay(side, 20_000, { waitsMs: 3_000 });
  const cause = 'deadline-exceeded';
  arrival('ours', 'order-service', 1, '/order', { budgetMs: 3_000 });
  arrival('ours', 'inventory-service', 3, '/check', { budgetMs: 2_998 });
  arrival('ours', 'payment-service', 2_002, '/pay', { budgetMs: 998 });
  line('ours', 'payment-service', 3_004, 'Payment processing canceled for order: live-6', {
    cause,
  });
  line('ours', 'order-service', 3_006, 'Payment processing failed: deadline exceeded', { cause });
  get('ours', 3_007, 500);
  voidIt('ours', 3_009);
  charge('usual', 5_000);
  line('usual', 'client', 3_500, 'Its time is up', { outcome: 'gave up' });
  succeed('usual', 5_001);
}

scene(
  'Network cut, then a hang-up',
  'work that runs to its end is not said to have stopped',
  async () => {
    pay('ours');
    act('ours', 2_600, 'network cut', { isCut: true });
    hangUp('ours', 3_400);
    line('ours', 'order-service', 3_402, 'Order canceled: client disconnected', {
      cause: 'client-disconnected',
    });
    charge('ours', 5_000);
    const page = await open();
    await expect.poll(sentence).toMatch(/Ran on for 1\.6 s, still charged: the refund waits/);
    expect(await sentence()).not.toMatch(/stopped/i);
    act('ours', 7_000, 'network restored', { isCut: false });
    voidIt('ours', 7_100);
    await expect.poll(sentence).toMatch(/the charge was taken back/);
    const marks = await page.locator('.mark').allTextContents();
    expect(marks).toEqual(['network cut', '✕ the client hangs up', 'network restored']);
    expect(await page.locator('#ours .money').textContent()).toMatch(/taken back at 7\.1 s/);
    return `${await sentence()}`;
  },
);

scene('The network was cut before the order', 'that is marked at its beginning', async () => {
  act('ours', -1_000, 'network cut', { isCut: true });
  pay('ours');
  hangUp('ours', 1_000);
  stop('ours', 1_010);
  act('ours', 4_000, 'network restored', { isCut: false });
  voidIt('ours', 4_100);
  const page = await open();
  await expect.poll(sentence).toMatch(/^The client hung up after 1\.0 s/);
  const marks = await page.locator('.mark').allTextContents();
  expect(marks).toEqual(['network cut', '✕ the client hangs up', 'network restored']);
  return marks.join(', ');
});

scene(
  'order-service waits longer than the work takes',
  'sentence, label and figure name the same work for nobody',
  async () => {
    pay('usual');
    hangUp('usual', 3_400);
    charge('usual', 5_000);
    line('usual', 'order-service', 7_002, 'Order failed: timeout of 5000ms exceeded');
    await open();
    await expect.poll(sentence).toMatch(/the usual way: Ran on for 1\.6 s, and charged it/);
    expect(await figure('usual', 0).textContent()).toBe('1.6 s');
    expect(await label('usual', 'payment').textContent()).toBe('1.6 s for nobody');
    return `${await sentence()}`;
  },
);

scene(
  'A hang-up during the check',
  'while the payment runs on, nothing is said to be over',
  async () => {
    pay('usual', 3_000);
    hangUp('usual', 1_000);
    const page = await open();
    await expect.poll(sentence).toMatch(/the usual way: Still working for nobody \(nobody told/);
    expect(await page.locator('#usual .money .track').textContent()).not.toMatch(/charged/);
    charge('usual', 5_000);
    succeed('usual', 5_002);
    await expect.poll(sentence).toMatch(/the usual way: Ran on for 4\.0 s, and charged it/);
    return `${await sentence()}`;
  },
);

scene(
  'One side is killed before the client hangs up',
  'the moment named is that of the hang-up',
  async () => {
    pay('usual');
    pay('ours');
    act('usual', 2_600, 'SIGTERM to order-service');
    line('usual', 'client', 2_605, 'Gets no answer', { outcome: 'failed' });
    act('usual', 2_610, 'order-service was killed at once', { isOrderGone: true });
    charge('usual', 5_000);
    hangUp('ours', 3_900);
    stop('ours', 3_910);
    await open();
    await expect.poll(sentence).toMatch(/The client hung up after 3\.9 s/);
    expect(await sentence()).toMatch(
      /the usual way: Ran on for 2\.4 s.*killed at once, order lost/,
    );
    return `${await sentence()}`;
  },
);

scene('An order is answered 500', 'it is said to have failed', async () => {
  pay('usual');
  get('usual', 7_010, 500);
  charge('usual', 5_000);
  line('usual', 'order-service', 7_002, 'Order failed: timeout of 5000ms exceeded');
  await open();
  await expect.poll(sentence).toMatch(/^Order 6 failed after 7\.0 s/);
  expect(await sentence()).toMatch(/Answered 500, and charged it/);
  return `${await sentence()}`;
});

scene('An order gets no answer', 'that is said', async () => {
  line('ours', 'client', 0, 'Places an order');
  line('ours', 'client', 3, 'Gets no answer', { outcome: 'failed' });
  await open();
  await expect.poll(sentence).toMatch(/^Order 6 failed after 0\.0 s\..*No answer, nothing charged/);
  return `${await sentence()}`;
});

scene(
  'Work for nobody, in its first second',
  'red from its first moment, green only once it was stopped',
  async () => {
    pay('usual', 3_600);
    pay('ours', 3_600);
    hangUp('usual', 3_000);
    hangUp('ours', 3_000);
    stop('ours', 3_012);
    await open();
    await expect.poll(() => figure('usual', 0).getAttribute('class')).toBe('bad');
    await expect.poll(() => figure('ours', 0).getAttribute('class')).toBe('good');
    charge('usual', 3_620);
    await expect.poll(() => label('usual', 'payment').textContent()).toMatch(/620 ms for nobody/);
    expect(await figure('usual', 0).getAttribute('class')).toBe('bad');
    return 'red, and green';
  },
);

scene(
  "The page's server is gone, and back",
  'the page stands still meanwhile, with a plain sentence, and then goes on',
  async () => {
    pay('usual', 2_500);
    pay('ours', 2_500);
    const page = await open();
    const port = scripted.port();
    await page.getByRole('button', { name: 'Place order' }).click();
    await expect.poll(sentence).toMatch(/^Under way/);
    await scripted.end();
    await expect.poll(sentence).toMatch(/^Lost npm run live: start it again, this page reconnects/);
    const bar = () => page.locator('#list .bar').first().getAttribute('style');
    // The sentence comes at once, and the chart with the next frame.
    await page.evaluate(
      'new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))',
    );
    const before = await bar();
    for (const button of await page.locator('#controls button').all()) {
      expect(await button.isDisabled()).toBe(true);
      await button.click({ force: true });
    }
    await page.keyboard.press('Escape');
    expect(await sentence()).toMatch(/^Lost npm run live/);
    for (const part of ['#chart', '#list'])
      expect(await page.locator(part).textContent()).not.toMatch(/under way|runs on/);
    await page.waitForEvent('requestfailed'); // A try to reconnect.
    await page.waitForEvent('requestfailed');
    expect(await bar()).toBe(before);
    expect(scripted.errors).toEqual([]);
    await scripted.serve(port);
    playHangUp();
    await expect.poll(sentence).toMatch(/^The client hung up after 3\.0 s/);
    expect(await page.getByRole('button', { name: 'Place order' }).isDisabled()).toBe(false);
    return `${await sentence()}`;
  },
);

scene('Five presses, fast', 'the notice stays long enough to be read', async () => {
  pay('usual');
  const page = await open();
  await page.evaluate(`
    window.said = [];
    const sentence = document.getElementById('sentence');
    const note = () => window.said.push([performance.now(), sentence.textContent]);
    new MutationObserver(note).observe(sentence, { childList: true, characterData: true, subtree: true });
  `);
  const place = page.getByRole('button', { name: 'Place order' });
  for (let press = 0; press < 5; press += 1) await place.click();
  await expect.poll(sentence).toMatch(/^Four orders are under way: hang up, or wait/);
  await expect.poll(sentence).toMatch(/now hang up \(Esc\)/);
  const said = await page.evaluate<[number, string][]>('window.said');
  const at = (start: RegExp) => said.findLast(([, text]) => start.test(text))?.[0] ?? 0;
  const stoodMs = at(/now hang up/) - (said.find(([, text]) => /^Four/.test(text))?.[0] ?? 0);
  expect(stoodMs).toBeGreaterThan(2_000);
  return `it stood ${Math.round(stoodMs / 1_000)} s`;
});

scene('A stop in the millisecond of the hang-up', 'took less than one', async () => {
  pay('ours');
  hangUp('ours', 3_000);
  stop('ours', 3_000);
  await open();
  await expect.poll(sentence).toMatch(/Stopped < 1 ms after the hang-up/);
  expect(await label('ours', 'payment').textContent()).toMatch(/stopped < 1 ms later/);
  return `${await sentence()}`;
});

scene('order-service is shut down, and back', 'what that did to the order stays told', async () => {
  for (const side of ['usual', 'ours'] as const) {
    pay(side);
    act(side, 3_000, 'SIGTERM to order-service', { isRestarting: true });
  }
  line('usual', 'client', 3_003, 'Gets no answer', { outcome: 'failed' });
  act('usual', 3_005, 'order-service was killed at once', { isOrderGone: true });
  for (const side of ['usual', 'ours'] as const) charge(side, 5_000);
  succeed('ours', 5_002);
  get('ours', 5_003, 200);
  act('ours', 5_100, 'order-service left with code 0', { isOrderGone: true });
  for (const side of ['usual', 'ours'] as const)
    act(side, 6_000, 'order-service is back', { isRestarting: false });
  const page = await open();
  await expect.poll(sentence).toMatch(/^order-service got SIGTERM after 3\.0 s/);
  expect(await sentence()).toMatch(/charged it \(killed at once, order lost\).*finished its order/);
  expect(await page.locator('.mark').allTextContents()).toEqual(['SIGTERM to order-service']);
  return `${await sentence()}`;
});

scene(
  "The caller's 3 s run out",
  'each call shows its budget, and whose timer was first is told',
  async () => {
    playDeadline();
    const page = await open();
    await expect.poll(sentence).toMatch(/^Its 3 s ran out/);
    expect(await page.locator('.chip').allTextContents()).toEqual(['2,998 ms left', '998 ms left']);
    expect(await page.locator('.mark').allTextContents()).toEqual(['✕ its 3 s are over']);
    expect(await sentence()).toMatch(
      /Ran on for 2\.0 s.*payment's own timer: it had been told 998 ms/,
    );
    expect(await label('ours', 'order').textContent()).toMatch(/answered 500 at 3\.0 s/);
    expect(await label('ours', 'payment').textContent()).toMatch(
      /✓ stopped 4 ms later\s+· its own timer/,
    );
    return `${await sentence()}`;
  },
);

scene(
  '320 to 1920 pixels wide',
  'one axis, one line through both systems, nothing to scroll sideways',
  async () => {
    playHangUp();
    let page = await open();
    const look = async (width: number) => {
      await page.setViewportSize({ width, height: 844 });
      await expect.poll(() => page.locator('#ours .money').textContent()).toMatch(/voided/);
      expect(await page.locator('.lines .moment').count()).toBe(1);
      const boxOf = async (selector: string) => {
        const box = await page.locator(selector).first().boundingBox();
        if (!box) throw new Error(`${selector} is not there`);
        return box;
      };
      const [moment, usual, ours] = await Promise.all(
        ['.lines .moment', '#usual .payment .bar', '#ours .payment .bar'].map(boxOf),
      );
      if (!moment || !usual || !ours) throw new Error('nothing drawn');
      expect(usual.x).toBe(ours.x);
      for (const bar of [usual, ours]) {
        expect(Math.abs(bar.x + bar.width - moment.x)).toBeLessThan(width / 300);
        expect(moment.y).toBeLessThan(bar.y);
        expect(moment.y + moment.height).toBeGreaterThan(bar.y + bar.height);
      }
      if (width >= 390) expect(ours.y + ours.height).toBeLessThan(844);
      const overflow = 'document.documentElement.scrollWidth - innerWidth';
      expect(await page.evaluate<number>(overflow)).toBeLessThanOrEqual(0);
      expect(await page.evaluate<string[]>(OVERLAPS)).toEqual([]);
    };
    for (const width of WIDTHS) await look(width);
    await page.context().close();
    await scripted.end();
    await scripted.serve(0);
    playDeadline();
    page = await open();
    for (const width of WIDTHS) await look(width);
    return 'at each width, for a hang-up and a time limit';
  },
);

scene('An order ends', 'the axis stays as long as it was', async () => {
  pay('ours', 1_000);
  const page = await open();
  const ticks = () => page.locator('.tick').allTextContents();
  const before = await ticks();
  charge('ours', 5_000);
  succeed('ours', 5_005);
  get('ours', 5_010, 200);
  await expect.poll(sentence).toMatch(/^Order 6 was processed/);
  expect(await ticks()).toEqual(before);
  expect(before.at(-1)).toBe('8 s');
  return '8 s';
});

scene('The outcome is known', 'the chart does not move', async () => {
  for (const width of [390, 768, 1280]) {
    await scripted.end();
    await scripted.serve(0);
    pay('usual', 2_500);
    pay('ours', 2_500);
    const page = await open({ viewport: { width, height: 844 } });
    await expect.poll(sentence).toMatch(/under way/);
    const bars = () =>
      page
        .locator('.track')
        .evaluateAll((tracks) => tracks.map((track) => track.getBoundingClientRect().top));
    const before = (await bars()).slice(0, 8);
    hangUp('usual', 3_000);
    hangUp('ours', 3_000);
    stop('ours', 3_016);
    charge('usual', 5_000);
    succeed('usual', 5_002);
    await expect.poll(sentence).toMatch(/^The client hung up/);
    expect((await bars()).slice(0, 8)).toEqual(before);
    await page.context().close();
  }
  return 'not a pixel, at 390, 768 and 1280';
});

scene('Reduced motion', 'a bar grows once a second, and otherwise with every frame', async () => {
  const drawn = `new Promise((resolve) => {
    const widths = new Set();
    const end = performance.now() + 1_500;
    const look = () => {
      widths.add(document.querySelector('#ours .payment .bar').style.width);
      if (performance.now() > end) resolve(widths.size); else requestAnimationFrame(look);
    };
    look();
  })`;
  pay('ours', 2_500);
  const page = await open({ reducedMotion: 'reduce' });
  await page.locator('#ours .payment .bar').waitFor({ state: 'attached' });
  const still = await page.evaluate<number>(drawn);
  expect(still).toBeGreaterThan(1);
  expect(still).toBeLessThan(5);
  await page.emulateMedia({ reducedMotion: 'no-preference' });
  expect(await page.evaluate<number>(drawn)).toBeGreaterThan(5);
  return `drawn ${still} times in 1.5 s`;
});

scene('Forced colours', 'the bars and the key keep theirs', async () => {
  playHangUp();
  const page = await open({ forcedColors: 'active' });
  await page.locator('#ours .payment .bar').first().waitFor();
  for (const selector of ['#ours .payment .bar', '.key .bar', '.key .coin']) {
    const style = `getComputedStyle(document.querySelector('${selector}'))`;
    const color = await page.evaluate<string>(`${style}.backgroundColor`);
    expect(color).toMatch(/^rgb\((36, 97, 168|105, 167, 240|224, 161, 0|240, 191, 69)\)$/);
  }
  return 'blue and yellow';
});

scene(
  'The page at 1280 and 390 pixels, light and dark',
  'no violation that axe finds',
  async () => {
    playHangUp();
    const page = await open();
    await expect.poll(sentence).toMatch(/^The client hung up/);
    await page.getByText('What was logged').click();
    for (const width of [1_280, 390]) {
      await page.setViewportSize({ width, height: 844 });
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        await page.evaluate(AXE);
        const { violations } = await page.evaluate<{ violations: { id: string }[] }>('axe.run()');
        expect(violations.map(({ id }) => id)).toEqual([]);
      }
    }
    return 'none';
  },
);

scene('Two orders', 'the newest is shown, or the one whose row is pressed', async () => {
  playHangUp();
  const page = await open();
  const second = { requestId: 'another', orderID: 'live-7', isForeign: true };
  line('ours', 'client', 0, 'Places an order', second);
  line('ours', 'client', 4, 'Gets 409', { ...second, status: 409, outcome: 'failed' });
  await expect.poll(sentence).toMatch(/^The order from curl failed.*Answered 409/);
  await page.locator('#list button').nth(1).click();
  await expect.poll(sentence).toMatch(/^The client hung up after 3\.0 s/);
  return `${await sentence()}`;
});

import { readFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { scene } from '../support/scene.ts';
import { HUNG_UP, interrupt, startLive, useLivePage } from './page.ts';

const AXE = readFileSync(new URL(import.meta.resolve('axe-core/axe.min.js')), 'utf8');

const live = useLivePage();
const crowdOf = (page: Page) => page.locator('#crowd');
const squares = (page: Page, side: 'usual' | 'ours', kind: 'waits' | 'nobody' | 'idle') =>
  crowdOf(page).locator(`.${side} .square.${kind}`).count();
const button = (page: Page) => crowdOf(page).getByRole('button');
/** Sends the crowd once a reset is over: one under way would stop it. */
async function send() {
  await Promise.all([live.page.waitForResponse(/reset$/), live.press('Reset')]);
  await button(live.page).click();
}

/** Resolves when so many squares of a side are of a kind. */
const until = (side: 'usual' | 'ours', kind: 'waits' | 'nobody', count: number, page = live.page) =>
  expect.poll(() => squares(page, side, kind), { interval: 100 }).toBeGreaterThanOrEqual(count);

const isCalm = async (page: Page) => {
  await expect.poll(() => button(page).textContent()).toBe('Send the crowd');
  await expect.poll(() => button(page).isEnabled()).toBe(true);
  for (const side of ['usual', 'ours'] as const)
    await expect.poll(() => squares(page, side, 'idle')).toBe(10);
};

/** Collects the times between two frames in the page until the returned function is called. */
async function measureFrames(page: Page) {
  await page.evaluate(`{
    window.frameTimes = [];
    let last = performance.now();
    const frame = (now) => { frameTimes.push(now - last); last = now; requestAnimationFrame(frame); };
    requestAnimationFrame(frame);
  }`);
  return async () => {
    const times = await page.evaluate<number[]>('window.frameTimes.splice(0)');
    return times.sort((a, b) => a - b)[Math.floor(times.length * 0.95)] ?? Number.NaN;
  };
}

async function violations(page: Page, section: string): Promise<string[]> {
  await page.evaluate(AXE);
  const found = await page.evaluate<{ violations: { id: string }[] }>(`axe.run('${section}')`);
  return found.violations.map(({ id }) => id);
}

scene('Send the crowd', 'left turns red, right stays blue, and a sentence says so', async () => {
  const { page } = live;
  const p95 = await measureFrames(page);
  await send();
  await until('ours', 'waits', 1);
  await until('usual', 'nobody', 10);
  expect(await squares(page, 'ours', 'nobody')).toBeLessThan(10);
  expect(await button(page).textContent()).toBe('Stop the crowd');
  const said = crowdOf(page).locator('.said');
  const story = /^The usual way served (\d+) of the 150 .* This repository served (?:all )?(\d+)/;
  await said.filter({ hasText: story }).waitFor();
  const frameMs = await p95();
  const [, served, ours] = story.exec((await said.textContent()) ?? '') ?? [];
  expect(Number(ours)).toBeGreaterThan(Number(served));
  await isCalm(page);
  const usual = await crowdOf(page).locator('.usual .served').textContent();
  expect(usual).toBe(`Served in time: ${served} of 150 who have waited`);
  return `p95 of a frame ${frameMs.toFixed(1)} ms; ${await said.textContent()}`;
});

scene(
  'The crowd in two tabs',
  'both show it; a reload, Escape and Reset end it on both',
  async () => {
    const [first, second] = [live.page, await live.page.context().newPage()];
    await second.goto(live.url);
    await Promise.all([first.waitForResponse(/reset$/), live.press('Reset')]);
    const ends: [string, () => Promise<unknown>][] = [
      ['reload', () => first.reload()],
      ['Escape', () => first.keyboard.press('Escape')],
      ['its button', () => button(first).click()],
      ['Reset', () => second.getByRole('button', { name: 'Reset', exact: true }).click()],
    ];
    for (const [, end] of ends) {
      await isCalm(first);
      await button(first).click();
      await until('ours', 'waits', 1, second);
      expect(await button(second).isDisabled()).toBe(true);
      await end();
      await isCalm(first);
      await isCalm(second);
    }
    await button(first).click();
    await until('usual', 'waits', 1, second);
    await first.close();
    await isCalm(second);
    await second.close();
    return `${ends.map(([name]) => name).join(', ')}, and closing the tab`;
  },
);

scene('npm run live ends during a crowd', 'no square says that anybody works', async () => {
  const own = startLive({ LIVE_PORT: '0' });
  await live.page.goto(await own.seen(/Open (\S+)/));
  await send();
  await until('ours', 'waits', 1);
  own.child.kill('SIGTERM');
  await own.closed;
  for (const side of ['usual', 'ours'] as const)
    await expect.poll(() => squares(live.page, side, 'idle')).toBe(10);
  await expect.poll(() => button(live.page).isDisabled()).toBe(true);
  return 'all are idle, and no crowd can be sent';
});

scene(
  'The crowd at 1280 and 390 pixels',
  'no violation that axe finds, in forced colours too',
  async () => {
    const { page } = live;
    await send();
    await until('usual', 'nobody', 5);
    for (const width of [1_280, 390]) {
      await page.setViewportSize({ width, height: 800 });
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        expect(await violations(page, '#crowd')).toEqual([]);
      }
      const overflow = 'document.documentElement.scrollWidth - innerWidth';
      expect(await page.evaluate<number>(overflow)).toBeLessThanOrEqual(0);
    }
    await page.emulateMedia({ forcedColors: 'active' });
    const fill = (selector: string) =>
      page.evaluate<string>(
        `getComputedStyle(document.querySelector('#crowd .key ${selector}')).fill`,
      );
    expect(await fill('.waits rect')).toMatch(/rgb/);
    expect(await fill('.nobody .hatch')).toMatch(/crowd-hatch/);
    await page.emulateMedia({ forcedColors: 'none' });
    return 'none, nothing to scroll sideways, and the squares keep their colours';
  },
);

scene('The crowd under reduced motion', 'its picture changes twice a second at most', async () => {
  const { page } = live;
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await page.evaluate(`{
    window.changes = 0;
    let pending = false;
    new MutationObserver(() => { pending ||= requestAnimationFrame(() => { changes += 1; pending = false; }); })
      .observe(document.querySelector('#crowd .ours'), { subtree: true, childList: true, characterData: true, attributes: true });
  }`);
  await send();
  await until('ours', 'waits', 1);
  const began = Date.now();
  await page.evaluate('window.changes = 0');
  await until('usual', 'nobody', 10);
  const perSecond =
    (await page.evaluate<number>('window.changes')) / ((Date.now() - began) / 1_000);
  expect(perSecond).toBeGreaterThan(0);
  expect(perSecond).toBeLessThan(3);
  return `${perSecond.toFixed(1)} changes per second`;
});

scene(
  'An order is opened with the keyboard',
  'its wire and the two handlers are there',
  async () => {
    const { page } = live;
    const act = () => live.press('Hang up');
    const { ofOrder } = await interrupt(live, { path: '/pay', act, outcomes: HUNG_UP });
    await ofOrder('usual', ({ msg }) => msg === 'Order successfully processed');
    const row = live.rows().first().getByRole('button');
    await row.focus();
    await page.keyboard.press('Enter');
    const detail = page.locator('#detail');
    await detail.getByRole('heading', { name: /^Order \d+ on the wire$/ }).waitFor();
    const [usual, ours] = [detail.locator('.usual'), detail.locator('.ours')];
    const exchange = (side: typeof usual, path: string) =>
      side.locator('.exchange', { hasText: path }).textContent();
    await expect.poll(() => exchange(usual, 'POST /pay')).toMatch(/← 200.*after the client left/s);
    expect(await exchange(usual, 'POST /pay')).not.toMatch(/Idempotency-Key/);
    const pay = await exchange(ours, 'POST /pay');
    expect(pay).toMatch(/x-request-id: \w{8}….*Idempotency-Key: \w{8}….*timeout-ms: \d{4}/s);
    expect(pay).toMatch(/✕ order-service hung up.*\d\.\d{3} s/s);
    expect(await exchange(ours, 'GET /order')).toMatch(/✕ the client hung up/);
    expect(await exchange(ours, 'GET /check')).toMatch(/← 200/);
    await expect.poll(() => exchange(ours, 'POST /void')).toMatch(/Idempotency-Key.*← 200/s);
    expect(await usual.locator('.marked').textContent()).toMatch(/payment\.post/);
    expect(await ours.locator('.marked').textContent()).toMatch(/signal/);
    for (const width of [1_280, 390]) {
      await page.setViewportSize({ width, height: 800 });
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        expect(await violations(page, '#detail')).toEqual([]);
      }
      const overflow = 'document.documentElement.scrollWidth - innerWidth';
      expect(await page.evaluate<number>(overflow)).toBeLessThanOrEqual(0);
    }
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await expect.poll(() => detail.isVisible()).toBe(false);
    expect(await page.evaluate<string>('document.activeElement.tagName')).toBe('BUTTON');
    return 'the headers, the hang-up, the void, and the line';
  },
);

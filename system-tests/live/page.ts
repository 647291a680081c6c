import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { chromiumPath, startChromium } from '../../harness/chromium.ts';
import { startCommand } from '../../harness/command.ts';
import type { Feed } from '../../harness/feed.ts';
import { ROOT } from '../../processes/repository.ts';
import { followEvents, type LiveLine } from './events.ts';

export const startLive = (env: NodeJS.ProcessEnv, ...args: string[]) =>
  startCommand(process.execPath, ['run.js', 'demo/live/live.ts', ...args], env, ROOT);

export type LivePage = ReturnType<typeof useLivePage>;

/** Starts `npm run live` and a browser for the tests of a file; without Chromium they are skipped. */
export function useLivePage() {
  const live = startLive({ LIVE_PORT: '0' });
  const following = new AbortController();
  let browser: Browser;
  let url: string;
  let page: Page;
  let events: Feed<LiveLine>;

  beforeAll(async () => {
    if (!chromiumPath) return;
    [url, browser] = await Promise.all([live.seen(/Open (\S+)/), startChromium()]);
  });
  afterAll(async () => {
    await browser?.close();
    live.child.kill('SIGINT');
    await live.closed;
  });
  beforeEach(async ({ skip }) => {
    skip(!chromiumPath, 'Chromium is not installed');
    await open();
    await press('Reset');
    events = await followEvents(url, following.signal);
  });
  afterEach(async () => {
    await page?.context().close();
  });

  /** Opens the page again. From now on the tests use this one. */
  async function open(options = {}): Promise<void> {
    page = await (await browser.newContext(options)).newPage();
    page.setDefaultTimeout(60_000); // Only a hang takes this long.
    await page.goto(url);
    await usualOrOurs().first().waitFor();
  }

  const press = (name: string) => page.getByRole('button', { name, exact: true }).click();
  const usual = () => page.getByRole('region', { name: 'the usual way' });
  const ours = () => page.getByRole('region', { name: 'this repository' });
  const usualOrOurs = () => usual().or(ours());
  type SideView = ReturnType<typeof ours>;
  /** Waits for an event on a side. */
  const nextEvent = (side: string, query: Partial<LiveLine>, count = 1) =>
    events.next((event) => isOf(event, { side, ...query }), count);

  return {
    get url() {
      return url;
    },
    get page() {
      return page;
    },
    get events() {
      return events;
    },
    open,
    press,
    usual,
    ours,
    /** Work for nobody; charged, but never confirmed; processed. */
    figures: (name: 'usual' | 'ours') => page.locator(`#totals .${name} td`).allTextContents(),
    label: (side: SideView, lane: string) => side.locator(`.${lane} .label`),
    money: (side: SideView) => side.locator('.money .track').textContent(),
    rows: () => page.locator('#list li'),
    marks: () => page.locator('.mark').allTextContents(),
    sentence: () => page.getByRole('status').textContent(),
    nextEvent,
    onBoth: (query: Partial<LiveLine>, count = 1) =>
      Promise.all([nextEvent('usual', query, count), nextEvent('ours', query, count)]),
  };
}

const isOf = (event: LiveLine, query: Partial<LiveLine>) =>
  Object.entries(query).every(([field, wanted]) => event[field] === wanted);

/** The outcomes of an order whose client has hung up. */
export const HUNG_UP: [string, string] = ['hung up', 'hung up'];

interface Interruption {
  path: '/check' | '/pay';
  act: () => Promise<unknown>;
  /** The clients' outcomes if `act` was in time: the usual services', then ours. */
  outcomes: [string, string];
  place?: () => Promise<unknown>;
}

/** Places an order and calls `act` while a service on each side works on it. Repeats that if it was too late. */
export async function interrupt(live: LivePage, interruption: Interruption) {
  const { path, act, outcomes } = interruption;
  const { place = () => live.press('Place order') } = interruption;
  for (;;) {
    if (!live.page.isClosed()) await live.press('Reset');
    const known = new Set(live.events.items.map(({ requestId }) => requestId));
    await place();
    const isNew = ({ msg, requestId }: LiveLine) =>
      msg === 'Places an order' && !known.has(requestId);
    const { requestId = '' } = await live.events.next(isNew);
    /** Waits for an event of this order on one side. */
    const ofOrder = (side: string, isWanted: (event: LiveLine) => unknown) => {
      const isOfOrder = (event: LiveLine) => event.side === side && event.requestId === requestId;
      return live.events.next((event) => isOfOrder(event) && Boolean(isWanted(event)));
    };
    const each = (isWanted: (event: LiveLine) => unknown) =>
      Promise.all([ofOrder('usual', isWanted), ofOrder('ours', isWanted)]);
    await each((event) => event.path === path);
    await act();
    const [usualEnd, oursEnd] = await each(({ outcome }) => outcome);
    if ([usualEnd.outcome, oursEnd.outcome].join() !== outcomes.join()) continue;
    const service = path === '/check' ? /^Inventory check/ : /^Payment proc/;
    const worked = await ofOrder('ours', ({ msg }) => service.test(msg));
    if (oursEnd.outcome === 'hung up' && !/canceled/.test(worked.msg)) continue;
    return { oursEnd, worked, ofOrder };
  }
}

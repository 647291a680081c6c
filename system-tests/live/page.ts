import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { chromiumPath, startChromium } from '../../harness/chromium.ts';
import { startCommand } from '../../harness/command.ts';
import type { Feed } from '../../harness/feed.ts';
import { ROOT } from '../../harness/repository.ts';
import { followEvents, type LiveLine } from './events.ts';

export const startLive = (env: NodeJS.ProcessEnv, ...args: string[]) =>
  startCommand(process.execPath, ['run.js', 'demo/live/live.ts', ...args], env, ROOT);

export type LivePage = ReturnType<typeof useLivePage>;

/** `npm run live` for the tests of a file, with its page in a browser; without one they are skipped. */
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

  /** Opens the page anew; from now on it is this one that is pressed and looked at. */
  async function open(options = {}): Promise<void> {
    page = await (await browser.newContext(options)).newPage();
    page.setDefaultTimeout(60_000); // Only what hangs takes as long.
    await page.goto(url);
    await page.getByRole('heading', { name: 'Latest orders' }).first().waitFor();
  }

  const press = (name: string) => page.getByRole('button', { name, exact: true }).click();
  const usual = () => page.getByRole('region', { name: 'As everybody writes it' });
  const ours = () => page.getByRole('region', { name: 'This repository' });
  type Column = ReturnType<typeof ours>;
  /** Waits for an event on a side. */
  const told = (side: string, query: Partial<LiveLine>, count = 1) =>
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
    sides: () => [usual(), ours()],
    figures: (column: Column) => column.locator('dd').allTextContents(),
    label: (column: Column, lane: string) => column.locator(`.lanes .${lane} .label`),
    sentence: () => page.getByRole('status').textContent(),
    told,
    onBoth: (query: Partial<LiveLine>, count = 1) =>
      Promise.all([told('usual', query, count), told('ours', query, count)]),
  };
}

const isOf = (event: LiveLine, query: Partial<LiveLine>) =>
  Object.entries(query).every(([field, wanted]) => event[field] === wanted);

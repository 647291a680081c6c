import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { Browser, Page } from 'playwright-core';
import { GracefulShutdown } from 'request-scope';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { History } from '../../demo/live/history.ts';
import { createPageServer } from '../../demo/live/page-server.ts';
import type { SideName } from '../../demo/live/side.ts';
import { chromiumPath, startChromium } from '../../harness/chromium.ts';
import { portOf } from '../../harness/network.ts';

/** Then an order has ended long since. */
const LONG_AGO_MS = 20_000;

type Fields = Record<string, unknown>;

/** The page in Chromium, with events that the test writes. No service runs; orders of the page are never answered. */
export function useScriptedPage() {
  let browser: Browser;
  let page: Page;
  let server: Server | undefined;
  let shutdown: GracefulShutdown | undefined;
  let history: History;
  let startedAt = 0;
  const errors: string[] = [];
  const silent = createServer(() => {});

  beforeAll(async () => {
    if (!chromiumPath) return;
    browser = await startChromium();
    await once(silent.listen(0, '127.0.0.1'), 'listening');
  });
  afterAll(async () => {
    await browser?.close();
    silent.closeAllConnections();
    silent.close();
  });
  beforeEach(async ({ skip }) => {
    skip(!chromiumPath, 'Chromium is not installed');
    await serve(0);
  });
  afterEach(async () => {
    await page?.context().close();
    await end();
  });

  /** Starts the page's server without any order. */
  async function serve(port: number): Promise<void> {
    startedAt = 0;
    history = new History();
    shutdown = new GracefulShutdown();
    const sides = (['usual', 'ours'] as const).map((name) => ({
      name,
      orderUrl: `http://127.0.0.1:${portOf(silent)}`,
      doorUrl: `http://localhost:${name === 'usual' ? 1 : 2}`,
      state: () => ({ isCut: false, isRestarting: false }),
      cut() {},
      heal() {},
      async restartOrder() {},
    }));
    server = createPageServer(sides, history, shutdown);
    await once(server.listen(port, '127.0.0.1'), 'listening');
  }
  /** Ends the page's server as a kill does: without an answer to anybody. */
  async function end(): Promise<void> {
    server?.closeAllConnections();
    await shutdown?.drain(0);
  }

  const port = () => (server ? portOf(server) : 0);

  /** Opens the page, which then has all events so far. */
  async function open(options = {}): Promise<Page> {
    errors.length = 0;
    page = await (await browser.newContext(options)).newPage();
    page.setDefaultTimeout(60_000); // Only a hang takes this long.
    page.on('pageerror', ({ message }) => errors.push(message));
    await page.goto(`http://localhost:${port()}`);
    await page.locator('#list li').first().waitFor();
    return page;
  }

  /** Publishes an event of a service, `atMs` after the order was placed. */
  const line = (side: SideName, service: string, atMs: number, msg: string, more: Fields = {}) => {
    startedAt ||= Date.now() - LONG_AGO_MS;
    const order = { requestId: 'an-order', orderID: 'live-6' };
    history.publish({ side, service, ...order, time: startedAt + atMs, msg, ...more });
  };
  const arrival = (
    side: SideName,
    service: string,
    atMs: number,
    path: string,
    more: Fields = {},
  ) => line(side, service, atMs, `Request arrived: ${path}`, { path, ...more });

  return {
    serve,
    end,
    open,
    line,
    arrival,
    errors,
    port,
    /** Places order 6 on a side, which works on its payment 2 s later; the order began `agoMs` ago. */
    pay(side: SideName, agoMs = LONG_AGO_MS, more: Fields = {}) {
      startedAt ||= Date.now() - agoMs;
      line(side, 'client', 0, 'Places an order', more);
      arrival(side, 'order-service', 1, '/order');
      line(side, 'order-service', 2, 'Placing order for product: 1234');
      arrival(side, 'inventory-service', 3, '/check');
      line(side, 'inventory-service', 2_000, 'Inventory check completed for product: 1234');
      arrival(side, 'payment-service', 2_002, '/pay');
    },
    hangUp: (side: SideName, atMs: number) =>
      line(side, 'client', atMs, 'Hangs up', { outcome: 'hung up' }),
    get: (side: SideName, atMs: number, status: number) =>
      line(side, 'client', atMs, `Gets ${status}`, {
        status,
        outcome: status === 200 ? 'processed' : 'failed',
      }),
    act: (side: SideName, atMs: number, msg: string, more: Fields = {}) =>
      line(side, 'operator', atMs, msg, more),
    stop: (side: SideName, atMs: number, cause = 'client-disconnected') => {
      line(side, 'payment-service', atMs, 'Payment processing canceled for order: live-6', {
        cause,
      });
      line(side, 'order-service', atMs, 'Order canceled: client disconnected', {
        cause: 'client-disconnected',
      });
    },
    charge: (side: SideName, atMs: number) =>
      line(side, 'payment-service', atMs, 'Payment processed for order: live-6'),
    voidIt: (side: SideName, atMs: number) =>
      line(side, 'payment-service', atMs, 'Payment voided for order: live-6'),
    succeed: (side: SideName, atMs: number) =>
      line(side, 'order-service', atMs, 'Order successfully processed'),
    sentence: () => page.getByRole('status').textContent(),
    figure: (side: SideName, index: number) => page.locator(`#totals tr.${side} td`).nth(index),
    label: (side: SideName, lane: string) => page.locator(`#${side} .${lane} .label`),
  };
}

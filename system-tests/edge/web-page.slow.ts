import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Browser, BrowserContext } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { chromiumPath, startChromium } from '../../harness/chromium.ts';
import { paymentsOf } from '../../harness/clients.ts';
import { portOf } from '../../harness/network.ts';
import { type System, startSystem } from '../../harness/system.ts';
import { scene } from '../support/scene.ts';

/** A page on this host is cross-site to localhost. The name resolves to this machine, as after DNS rebinding. */
const EVIL = 'evil.example';

let system: System;
let browser: Browser;
let context: BrowserContext;
/** The status of each response that the browser got, by path. */
let answered: Map<string, number>;
let page = '';
const pages = createServer((_req, res) => res.setHeader('Content-Type', 'text/html').end(page));

beforeAll(async () => {
  if (!chromiumPath) return;
  const durations = { CHECK_DURATION_MS: '20', PAYMENT_DURATION_MS: '20' };
  await once(pages.listen(0, '127.0.0.1'), 'listening');
  system = await startSystem(durations);
  browser = await startChromium(`--host-resolver-rules=MAP ${EVIL} 127.0.0.1`);
});
afterAll(async () => {
  await browser?.close();
  pages.close().closeAllConnections();
  await system?.[Symbol.asyncDispose]();
});
beforeEach(async ({ skip }) => {
  skip(!chromiumPath, 'Chromium is not installed');
  answered = new Map();
  context = await browser.newContext();
  context.on('response', (response) => {
    const { pathname, search } = new URL(response.url());
    answered.set(pathname + search, response.status());
  });
});
afterEach(() => context?.close());

/** The URL of a service's path, as a page names it. */
const at = (service: 'order' | 'inventory' | 'payment', path: string) =>
  `http://localhost:${system[service].port}${path}`;

/** The log lines of all orders so far. */
const linesOf = ({ order, inventory, payment }: System) =>
  [order, inventory, payment].flatMap(({ lines }) => lines.filter(({ orderID }) => orderID));

for (const host of [EVIL, 'localhost']) {
  scene(
    `a page on ${host}, on another port, with images, forms, prefetches and fetches`,
    'charges nothing, voids nothing, reads nothing',
    async () => {
      const before = linesOf(system).length;
      const tab = await context.newPage();
      page = `<!doctype html>
        <img src="${at('order', '/order?orderID=img')}">
        <script src="${at('order', '/order?orderID=script')}"></script>
        <link rel="stylesheet" href="${at('inventory', '/check?productID=css')}">
        <link rel="prefetch" href="${at('order', '/order?orderID=prefetch')}">
        <iframe src="${at('order', '/order?orderID=frame')}"></iframe>
        <iframe name="sink"></iframe>
        <form method="post" target="sink" action="${at('payment', '/pay?orderID=form')}"></form>
        <a href="${at('order', '/order?orderID=link')}">A prize</a>
        <script>document.forms[0].submit()</script>`;
      await tab.goto(`http://${host}:${portOf(pages)}/`);
      const calls = `
        const read = (url, options) => fetch(url, options).then((r) => r.text()).catch(() => 'unread');
        Promise.all([
          read('${at('payment', '/payments?orderID=fetch')}'),
          read('${at('order', '/health')}'),
          read('${at('order', '/order?orderID=no-cors')}', { mode: 'no-cors', credentials: 'include' }),
          read('${at('payment', '/void?orderID=form')}',
            { method: 'POST', headers: { 'Idempotency-Key': 'guessed' } }),
        ])`;
      expect(await tab.evaluate(calls)).toEqual(['unread', 'unread', '', 'unread']);
      await tab.click('a');
      const refused = [
        '/order?orderID=img',
        '/order?orderID=script',
        '/check?productID=css',
        '/order?orderID=prefetch',
        '/order?orderID=frame',
        '/pay?orderID=form',
        '/order?orderID=link',
        '/order?orderID=no-cors',
      ];
      await expect
        .poll(() => Object.fromEntries(refused.map((path) => [path, answered.get(path)])))
        .toEqual(Object.fromEntries(refused.map((path) => [path, 403])));
      expect(linesOf(system)).toHaveLength(before);
      return `${refused.length} requests refused, nothing begun`;
    },
  );
}

scene(
  'a page whose name was made to lead to this machine, on the port of each service',
  'is not answered',
  async () => {
    const before = linesOf(system).length;
    const tab = await context.newPage();
    const statuses: number[] = [];
    for (const [service, path] of [
      ['order', '/order?orderID=rebound'],
      ['inventory', '/check?productID=rebound'],
      ['payment', '/payments?orderID=rebound'],
    ] as const) {
      await tab.goto(`http://${EVIL}:${system[service].port}/`);
      statuses.push(await tab.evaluate<number>(`fetch('${path}').then((r) => r.status)`));
    }
    await tab.goto(`http://${EVIL}:${system.payment.port}/`);
    const headers = `{ 'Idempotency-Key': 'guessed' }`;
    const voids = `fetch('/void?orderID=1', { method: 'POST', headers: ${headers} }).then((r) => r.status)`;
    statuses.push(await tab.evaluate<number>(voids));
    expect(statuses).toEqual([421, 421, 421, 421]);
    expect(linesOf(system)).toHaveLength(before);
    return 'four times 421, nothing begun';
  },
);

scene('a person types the address of an order, and reloads it', 'both are processed', async () => {
  const tab = await context.newPage();
  const first = await tab.goto(at('order', '/order?orderID=typed'));
  expect([first?.status(), await first?.text()]).toEqual([200, 'Order successfully processed\n']);
  expect((await tab.reload())?.status()).toBe(200);
  expect(await paymentsOf('typed', system.payment.url)).toEqual(['processed', 'processed']);
  return 'twice 200, charged twice';
});

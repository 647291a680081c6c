import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { expect } from 'vitest';
import { startCommand } from '../../harness/command.ts';
import { portOf } from '../../harness/port-of.ts';
import { scene } from '../support/scene.ts';
import { HUNG_UP, interrupt } from './live-interrupt.ts';
import { useLivePage } from './page.ts';

const AXE = readFileSync(new URL(import.meta.resolve('axe-core/axe.min.js')), 'utf8');

const live = useLivePage();
const { open, press, ours, sentence, told, onBoth } = live;

scene('The keyboard alone', 'places, hangs up, opens the log and copies the curl', async () => {
  const place = async () => {
    await live.page.context().close();
    await open({ permissions: ['clipboard-read', 'clipboard-write'] });
    await live.page.keyboard.press('Tab');
    await live.page.keyboard.press('Enter');
  };
  const act = () => live.page.keyboard.press('Escape');
  const { ofOrder } = await interrupt(live, { path: '/pay', act, outcomes: HUNG_UP, place });
  await ofOrder('usual', ({ msg }) => msg === 'Order successfully processed');
  // The last that is said of it: what comes later would be said over what is copied.
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
    await told('usual', { msg: 'Order successfully processed' });
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

scene("Another origin's page", 'can neither read nor press', async () => {
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

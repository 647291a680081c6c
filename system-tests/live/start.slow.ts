import { expect } from 'vitest';
import { scene } from '../support/scene.ts';
import { startLive, useLivePage } from './page.ts';

const live = useLivePage();
const { press, usual, ours, sentence } = live;

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
    await expect.poll(sentence).toMatch(/is under way\.$/); // Or it would be said over what is copied.
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

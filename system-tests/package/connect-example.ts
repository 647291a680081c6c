import { expect } from 'vitest';
import { scene } from '../support/scene.ts';
import { postJson } from './post-json.ts';
import type { RunningExample } from './served-examples.ts';

/** The path of the procedure in examples/connect.js. */
export const BUILD = '/reports.Reports/Build';

/** The timeout of a call, and a plain request beside it. */
export function callsBesideRequests(running: () => RunningExample): void {
  scene("connect.js: a call's connect-timeout-ms passes", 'it is deadline_exceeded', async () => {
    const { url, logged } = running();
    const answer = await postJson(
      url + BUILD,
      { ms: 60_000 },
      { headers: { 'connect-timeout-ms': '200' } },
    );
    const { code } = JSON.parse(await answer.text());
    expect({ code, status: answer.status }).toEqual({ code: 'deadline_exceeded', status: 504 });
    await logged('work stopped: deadline exceeded');
    return `${answer.status}, ${code}`;
  });

  scene('connect.js: plain GET, whose budget is spent', 'it is answered with 504', async () => {
    const { url, logged } = running();
    const headers = { 'x-envoy-expected-rq-timeout-ms': '200' };
    const { status } = await fetch(`${url}/report`, { headers });
    expect(status).toBe(504);
    await logged('work stopped: deadline exceeded');
    return `${status}`;
  });

  scene('connect.js: the client of a plain GET hangs up', 'the work stops', async () => {
    const { url, logged } = running();
    const client = new AbortController();
    const hungUp = fetch(`${url}/report`, { signal: client.signal }).catch(() => {});
    await logged('work begun');
    client.abort();
    await hungUp;
    await logged('work stopped: client disconnected');
    return 'client disconnected';
  });
}

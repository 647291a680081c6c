import { createServer, type RequestListener } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import request from 'supertest';
import { expect, test } from 'vitest';
import {
  budgetHeaders,
  causeOf,
  DeadlineExceeded,
  requestScope,
  type Scope,
  type ScopeView,
  withTimeout,
} from '../src/index.ts';

/** The handler of the README, over `work`. */
const handler =
  (work: (scope: Scope) => Promise<string>, lines: unknown[]): RequestListener =>
  async (req, res) => {
    using scope = requestScope(req, res);
    try {
      res.end(await work(scope));
    } catch (error) {
      const cause = causeOf(error, scope);
      lines.push(cause?.code ?? error);
      res.writeHead(cause ? 504 : 500).end();
    }
  };

/** The call of the README. */
async function call(url: string, parent: ScopeView): Promise<string> {
  return await withTimeout(parent, 20, async (child) => {
    const { signal } = child;
    const answer = await fetch(url, { signal, headers: budgetHeaders(child) });
    if (answer.status === 504) throw new DeadlineExceeded();
    if (!answer.ok) throw new Error(`answered ${answer.status}`);
    return await answer.text();
  });
}

test.each([
  ['before the headers', () => {}],
  ['in the body', (_req, res) => void res.writeHead(200).write('half')],
  ['seen first by the next hop', (_req, res) => res.writeHead(504).end()],
] as [string, RequestListener][])(
  "a call's own timeout %s reaches its handler: 504 and the cause",
  async (_where, stall) => {
    const lines: unknown[] = [];
    const next = createServer(stall).listen(0);
    const address = next.address();
    const url = `http://localhost:${typeof address === 'object' && address?.port}`;
    await request(handler((scope) => call(url, scope), lines))
      .get('/')
      .expect(504);
    expect(lines).toEqual(['deadline-exceeded']);
    next.close().closeAllConnections();
  },
);

test('so does the timeout of a wait', async () => {
  const lines: unknown[] = [];
  const wait = async (parent: ScopeView) => {
    return await withTimeout(parent, 20, ({ signal }) => sleep(60_000, 'late', { signal }));
  };
  await request(handler(wait, lines)).get('/').expect(504);
  expect(lines).toEqual(['deadline-exceeded']);
});

test('a bug stays a bug', async () => {
  const lines: unknown[] = [];
  const bug = async () => Promise.reject(new TypeError('x is undefined'));
  await request(handler(bug, lines)).get('/').expect(500);
  expect(lines).toEqual([new TypeError('x is undefined')]);
});

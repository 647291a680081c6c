import express from 'express';
import { pino } from 'pino';
import { ClientDisconnected, DeadlineExceeded, Scope } from 'request-scope';
import request from 'supertest';
import { expect, test } from 'vitest';
import { errorHandler } from '../src/answers.ts';
import { answerCanceled, hasAborted } from '../src/cancellation.ts';

test('hasAborted aborts a scope whose deadline has passed before its timer fired', () => {
  using scope = new Scope(50);
  expect(hasAborted(scope)).toBe(false);
  while (scope.remainingMs > 0);
  expect(scope.signal.aborted).toBe(false);
  expect(hasAborted(scope)).toBe(true);
  expect(scope.signal.reason).toBeInstanceOf(DeadlineExceeded);
});

/** The answer and the log lines of a handler that fails with `error`, in a scope that has aborted. */
async function handle(error: unknown, answer?: string) {
  const lines: Record<string, unknown>[] = [];
  const log = pino({}, { write: (line) => lines.push(JSON.parse(line)) });
  const app = express().get('/', (_req, res) => {
    res.locals.log = log;
    using scope = new Scope();
    scope.abort(new ClientDisconnected());
    answerCanceled(res, scope, log, { error, message: 'Work canceled', ...(answer && { answer }) });
  });
  const { status, text } = await request(app.use(errorHandler)).get('/');
  return { status, text, lines };
}

test('answerCanceled answers 408 and logs the cause and the time', async () => {
  const aborted = Object.assign(new Error('aborted'), { name: 'AbortError' });
  expect(await handle(aborted)).toMatchObject({
    status: 408,
    text: 'Request canceled\n',
    lines: [
      {
        level: 30,
        cause: 'client-disconnected',
        elapsedMs: expect.any(Number),
        msg: 'Work canceled',
      },
    ],
  });
  expect(await handle(aborted, 'Canceled')).toMatchObject({ status: 408, text: 'Canceled\n' });
});

test('answerCanceled rethrows a bug', async () => {
  expect(await handle(new TypeError('a bug'))).toMatchObject({
    status: 500,
    lines: [{ msg: 'Internal error', err: { message: 'a bug' } }],
  });
});

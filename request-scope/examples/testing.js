// A test of a handler, with node:test: its work stops when the client hangs up, and nothing is left.
import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import express from 'express';
import { causeOf, Scope } from 'request-scope';
import { scopeOf, scopes } from 'request-scope/express';
import { causes, expectNothingLeft, openRequest } from 'request-scope/testing';

const reports = new EventEmitter();
async function buildReport({ signal }) {
  reports.emit('begun');
  return await sleep(60_000, 'the report', { signal });
}

const app = express().use(scopes());
app.get('/report', async (_req, res) => {
  const scope = scopeOf(res);
  try {
    res.send(await buildReport(scope));
  } catch (error) {
    reports.emit('stopped', causeOf(error, scope)?.code);
    res.status(503).end();
  }
});

test('a hang-up stops the report, and nothing is left', () =>
  expectNothingLeft(async () => {
    const begun = once(reports, 'begun');
    const stopped = once(reports, 'stopped');
    const request = await openRequest(app, { path: '/report' });
    await begun;
    await request.hangUp();
    assert.deepEqual(await stopped, ['client-disconnected']);
  }));

for (const cause of causes()) {
  test(`the report stops: ${cause.message}`, async () => {
    const scope = new Scope();
    const report = buildReport(scope);
    scope.abort(cause);
    await assert.rejects(report, (error) => causeOf(error, scope) === cause);
  });
}

import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterEach, describe, expect, test } from 'vitest';
import * as faults from '../../../harness/faults.ts';
import { undiciAdapter } from '../../src/downstream/undici-adapter.ts';
import { MAX_BYTES, outcome } from './call-outcome.ts';
import { type Behaviour, closeServers, OK, sends, sendsAndCloses, serve } from './raw-server.ts';

afterEach(closeServers);

const BROKEN = 'Step failed: there sent a broken answer';
const RESET = 'Step failed: there is unreachable (ECONNRESET)';

const ANSWERS: [name: string, behave: Behaviour, reads: string][] = [
  ['an answer', sends(`${OK}Content-Length: 2\r\n\r\nok`), 'ok'],
  [
    'an answer in chunks',
    sends(`${OK}Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`),
    'ok',
  ],
  ['an answer that ends with its connection', sendsAndCloses(`${OK}\r\nok`), 'ok'],
  ['an empty answer', sends(`${OK}Content-Length: 0\r\n\r\n`), ''],
  [
    'an early hint first',
    sends(`HTTP/1.1 103 Early\r\n\r\n${OK}Content-Length: 2\r\n\r\nok`),
    'ok',
  ],
  [
    '500',
    sends('HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nno'),
    'Step failed: there answered 500',
  ],
  ['404', faults.answerStatus(404), 'Step failed: there answered 404'],
  ['201', faults.answerStatus(201), 'Step failed: there answered 201'],
  ['a redirect', faults.redirect, 'Step failed: there answered 302'],
  ['a reset', faults.reset, RESET],
  ['a close without an answer', faults.closeWithoutAnswer, RESET],
  ['a close in the status line', sendsAndCloses('HTTP/1.1 20'), RESET],
  ['a close in the headers', sendsAndCloses(`${OK}Content-Le`), RESET],
  ['a close in the body', faults.halfAnswerThenClose, BROKEN],
  ['a close in a chunk', sendsAndCloses(`${OK}Transfer-Encoding: chunked\r\n\r\n9\r\nok`), BROKEN],
  [
    'a close in the body of a 500',
    sendsAndCloses('HTTP/1.1 500 No\r\nContent-Length: 9\r\n\r\nno'),
    'Step failed: there answered 500',
  ],
  ['another protocol', faults.answerInAnotherProtocol, BROKEN],
  ['nonsense', sends('nonsense\r\n\r\n'), BROKEN],
  ['nonsense in a chunk', sends(`${OK}Transfer-Encoding: chunked\r\n\r\nzz\r\n`), BROKEN],
  ['headers without end', faults.floodHeaders, BROKEN],
  ['a header of 100 kB', sends(`${OK}X: ${'x'.repeat(100_000)}`), BROKEN],
  ['two lengths', sends(`${OK}Content-Length: 2\r\nContent-Length: 3\r\n\r\nok`), BROKEN],
  ['a body without end', faults.floodBody, BROKEN],
  ['a long body with 500', sends(`HTTP/1.1 500 No\r\n\r\n${'x'.repeat(MAX_BYTES * 100)}`), BROKEN],
];

describe.each([
  ["axios' own adapter", 'http' as const],
  ['our adapter', undiciAdapter],
])('%s', (_name, adapter) => {
  test.each(ANSWERS)('reads %s', async (_answer, behave, reads) => {
    const { port } = await serve(behave);
    expect(await outcome(adapter, `http://127.0.0.1:${port}/check`)).toBe(reads);
  });

  test('says that nobody listens', async () => {
    const { port } = await serve(() => {});
    closeServers();
    const code = '(ECONNREFUSED)';
    expect(await outcome(adapter, `http://localhost:${port}/check`)).toContain(code);
  });

  test('says that there is no such host', async () => {
    expect(await outcome(adapter, 'http://nowhere.invalid/')).toMatch(/\((ENOTFOUND|EAI_AGAIN)\)/);
  });
});

test('our adapter reads a reset in the body, where the other may lose the status', async () => {
  const { port, sockets } = await serve(sends(`${OK}Content-Length: 9\r\n\r\nok`));
  // A reset that comes before the client has read takes with it what was sent.
  const reset = () => sockets[0]?.resetAndDestroy();
  subscribe('undici:request:headers', reset);
  expect(await outcome(undiciAdapter, `http://127.0.0.1:${port}/check`)).toBe(BROKEN);
  unsubscribe('undici:request:headers', reset);
});

test('our adapter reads a 101 that nobody asked for, on which the other waits for ever', async () => {
  const upgrade = `HTTP/1.1 101 No\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n`;
  const { port } = await serve(sends(upgrade));
  expect(await outcome(undiciAdapter, `http://127.0.0.1:${port}/check`)).toBe(BROKEN);
});

import { PerformanceObserver } from 'node:perf_hooks';
import { Axios } from 'axios';
import { Scope, ShuttingDown } from 'request-scope';
import { afterEach, describe, expect, test } from 'vitest';
import * as faults from '../../../harness/faults.ts';
import { undiciAdapter } from '../../src/downstream/undici-adapter.ts';
import { outcome } from './call-outcome.ts';
import { type Behaviour, closed, closeServers, OK, sends, serve } from './raw-server.ts';

afterEach(closeServers);

const SILENCES: [name: string, behave: Behaviour][] = [
  ['before the headers', faults.neverAnswer],
  ['in the headers', sends(OK)],
  ['in the body', faults.stallAfterHeaders],
  ['in a drip', faults.drip],
];

describe.each([
  ["axios' own adapter", 'http' as const],
  ['our adapter', undiciAdapter],
])('%s', (_name, adapter) => {
  test.each(SILENCES)(
    'is ended by the deadline %s, and the connection with it',
    async (_when, behave) => {
      const { port, sockets } = await serve(behave);
      const reads = await outcome(adapter, `http://127.0.0.1:${port}/check`, new Scope(60));
      expect(reads).toBe('Step failed: deadline exceeded');
      await closed(sockets);
    },
  );

  test('is ended while the connection opens, and the connection with it', async () => {
    // Behind https, a server that says nothing leaves its client in the midst of connecting.
    const { port, sockets } = await serve(faults.neverAnswer);
    const reads = await outcome(adapter, `https://127.0.0.1:${port}/check`, new Scope(60));
    expect(reads).toBe('Step failed: deadline exceeded');
    await closed(sockets);
  });

  test('opens no connection once the signal has aborted', async () => {
    const { port, sockets } = await serve(faults.neverAnswer);
    const scope = new Scope();
    scope.abort(new ShuttingDown());
    const reads = await outcome(adapter, `http://127.0.0.1:${port}/check`, scope);
    expect(reads).toBe('Order canceled: service shutting down');
    expect(sockets).toEqual([]);
  });

  test('sends what it is given', async () => {
    const requests: string[] = [];
    const { port } = await serve((socket, request) => {
      requests.push(request);
      socket.write(`${OK}Content-Length: 2\r\n\r\nok`);
    });
    const http = new Axios({ adapter });
    const headers = { 'x-request-id': 'abc' };
    const url = `http://127.0.0.1:${port}/base/pay?id=a+b%26%C3%A9`;
    await http.request({ method: 'POST', url, headers });
    expect(requests[0]).toMatch(/^POST \/base\/pay\?id=a\+b%26%C3%A9 HTTP\/1\.1\r\n/);
    expect(requests[0]).toMatch(/\r\nx-request-id: abc\r\n/);
    expect(requests[0]).toMatch(/\r\ncontent-length: 0\r\n/i);
  });
});

describe('our adapter', () => {
  test('uses a connection again, and none that was aborted', async () => {
    const scope = new Scope();
    const { port, sockets } = await serve((socket, request) => {
      if (request.includes('/silent')) scope.abort(new ShuttingDown());
      else socket.write(`${OK}Content-Length: 2\r\n\r\nok`);
    });
    const url = `http://127.0.0.1:${port}`;
    await outcome(undiciAdapter, `${url}/check`);
    await outcome(undiciAdapter, `${url}/check`);
    expect(sockets).toHaveLength(1);
    await outcome(undiciAdapter, `${url}/silent`, scope);
    await outcome(undiciAdapter, `${url}/check`);
    expect(sockets).toHaveLength(2);
  });

  test('keeps no call waiting for another', async () => {
    const { port, sockets } = await serve(faults.neverAnswer);
    const scopes = Array.from({ length: 300 }, () => new Scope());
    const calls = scopes.map((scope) =>
      outcome(undiciAdapter, `http://127.0.0.1:${port}/check`, scope),
    );
    await expect.poll(() => sockets.length).toBe(300);
    for (const scope of scopes) scope.abort(new ShuttingDown());
    await Promise.all(calls);
    await closed(sockets);
  });

  test('looks a name up once for all the calls that ask at the same time', async () => {
    const lookups: string[] = [];
    const observer = new PerformanceObserver((list) =>
      lookups.push(...list.getEntries().map(({ name }) => name)),
    );
    observer.observe({ entryTypes: ['dns'] });
    const { port } = await serve((socket) => socket.write(`${OK}Content-Length: 2\r\n\r\nok`));
    const url = `http://localhost:${port}/check`;
    await Promise.all(Array.from({ length: 50 }, () => outcome(undiciAdapter, url)));
    await expect.poll(() => lookups.length).toBeGreaterThan(0);
    observer.disconnect();
    expect(lookups).toEqual(['lookup']);
  });
});

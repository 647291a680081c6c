import { getEventListeners, once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { Scope, ShuttingDown } from '@orders/cancellation';
import { Axios, type AxiosAdapter } from 'axios';
import { afterEach, describe, expect, test } from 'vitest';
import { callEnded } from '../src/ending.ts';
import { undiciAdapter } from '../src/undici-adapter.ts';

const OK = 'HTTP/1.1 200 OK\r\n';
const MAX_BYTES = 1_000;

type Behaviour = (socket: Socket, request: string) => void;

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** A server that does `behave` with each request; returns its port and the connections it has had. */
async function serve(behave: Behaviour) {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {}).on('data', (data) => behave(socket, data.toString()));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { port: (server.address() as AddressInfo).port, sockets };
}

/** The text of the answer, or how the one table of endings reads the failure. */
async function outcome(adapter: 'http' | AxiosAdapter, url: string, scope = new Scope()) {
  const { signal } = scope;
  const http = new Axios({
    ...{ adapter, proxy: false, maxRedirects: 0, decompress: false, maxContentLength: MAX_BYTES },
    validateStatus: (status) => status === 200,
  });
  try {
    return (await http.request<string>({ url, params: { id: 'a b&c' }, signal })).data;
  } catch (error) {
    const ended = callEnded(error, scope, { step: 'Step', service: 'there' });
    return ended instanceof Error ? ended.message : ended;
  } finally {
    scope[Symbol.dispose]();
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  }
}

const answers =
  (text: string): Behaviour =>
  (socket) =>
    socket.write(text);
const ends =
  (text: string): Behaviour =>
  (socket) =>
    socket.end(text);
const BROKEN = 'Step failed: there sent a broken answer';
const RESET = 'Step failed: there is unreachable (ECONNRESET)';

const FAULTS: [name: string, behave: Behaviour, reads: string][] = [
  ['an answer', answers(`${OK}Content-Length: 2\r\n\r\nok`), 'ok'],
  [
    'an answer in chunks',
    answers(`${OK}Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`),
    'ok',
  ],
  ['an answer that ends with its connection', ends(`${OK}\r\nok`), 'ok'],
  ['an empty answer', answers(`${OK}Content-Length: 0\r\n\r\n`), ''],
  [
    'an early hint first',
    answers(`HTTP/1.1 103 Early\r\n\r\n${OK}Content-Length: 2\r\n\r\nok`),
    'ok',
  ],
  [
    '500',
    answers('HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nno'),
    'Step failed: there answered 500',
  ],
  [
    '404',
    answers('HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n'),
    'Step failed: there answered 404',
  ],
  [
    '201',
    answers('HTTP/1.1 201 Yes\r\nContent-Length: 0\r\n\r\n'),
    'Step failed: there answered 201',
  ],
  [
    'a redirect',
    answers('HTTP/1.1 302 No\r\nLocation: /\r\nContent-Length: 0\r\n\r\n'),
    'Step failed: there answered 302',
  ],
  ['a reset', (socket) => socket.resetAndDestroy(), RESET],
  ['a close without an answer', (socket) => socket.end(), RESET],
  ['a close in the status line', ends('HTTP/1.1 20'), RESET],
  ['a close in the headers', ends(`${OK}Content-Le`), RESET],
  ['a close in the body', ends(`${OK}Content-Length: 9\r\n\r\nok`), BROKEN],
  ['a close in a chunk', ends(`${OK}Transfer-Encoding: chunked\r\n\r\n9\r\nok`), BROKEN],
  [
    'a reset in the body',
    (socket) =>
      socket.write(`${OK}Content-Length: 9\r\n\r\nok`, () =>
        setTimeout(() => socket.resetAndDestroy(), 20),
      ),
    RESET,
  ],
  [
    'a close in the body of a 500',
    ends('HTTP/1.1 500 No\r\nContent-Length: 9\r\n\r\nno'),
    'Step failed: there answered 500',
  ],
  ['nonsense', answers('nonsense\r\n\r\n'), BROKEN],
  ['nonsense in a chunk', answers(`${OK}Transfer-Encoding: chunked\r\n\r\nzz\r\n`), BROKEN],
  ['a header without end', answers(`${OK}X: ${'x'.repeat(100_000)}`), BROKEN],
  ['two lengths', answers(`${OK}Content-Length: 2\r\nContent-Length: 3\r\n\r\nok`), BROKEN],
  ['a flood', answers(`${OK}\r\n${'x'.repeat(MAX_BYTES * 100)}`), BROKEN],
  ['a flood with 500', answers(`HTTP/1.1 500 No\r\n\r\n${'x'.repeat(MAX_BYTES * 100)}`), BROKEN],
];

const SILENCES: [name: string, behave: Behaviour][] = [
  ['before the headers', () => {}],
  ['in the headers', answers(OK)],
  ['in the body', answers(`${OK}Content-Length: 9\r\n\r\n`)],
  [
    'in a drip',
    (socket) => {
      socket.write(`${OK}Content-Length: 900\r\n\r\n`);
      const timer = setInterval(() => socket.write('x'), 5);
      socket.on('close', () => clearInterval(timer));
    },
  ],
];

describe.each([
  ["axios' own adapter", 'http' as const],
  ['our adapter', undiciAdapter],
])('%s', (_name, adapter) => {
  test.each(FAULTS)('reads %s', async (_fault, behave, reads) => {
    const { port } = await serve(behave);
    expect(await outcome(adapter, `http://127.0.0.1:${port}/check`)).toBe(reads);
  });

  test('says that nobody listens', async () => {
    const { port } = await serve(() => {});
    for (const close of closing.splice(0)) close();
    const code = '(ECONNREFUSED)';
    expect(await outcome(adapter, `http://localhost:${port}/check`)).toContain(code);
  });

  test('says that there is no such host', async () => {
    expect(await outcome(adapter, 'http://nowhere.invalid/')).toMatch(/\((ENOTFOUND|EAI_AGAIN)\)/);
  });

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
    const { port, sockets } = await serve(() => {});
    const reads = await outcome(adapter, `https://127.0.0.1:${port}/check`, new Scope(60));
    expect(reads).toBe('Step failed: deadline exceeded');
    await closed(sockets);
  });

  test('opens no connection once the signal has aborted', async () => {
    const { port, sockets } = await serve(() => {});
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
    const url = `http://127.0.0.1:${port}/base/pay`;
    await http.request({ method: 'POST', url, params: { id: 'a b&é' }, headers });
    expect(requests[0]).toMatch(/^POST \/base\/pay\?id=a\+b%26%C3%A9 HTTP\/1\.1\r\n/);
    expect(requests[0]).toMatch(/\r\nx-request-id: abc\r\n/);
    expect(requests[0]).toMatch(/\r\ncontent-length: 0\r\n/i);
  });
});

describe('our adapter', () => {
  test('uses a connection again, and none that was aborted', async () => {
    const { port, sockets } = await serve((socket, request) => {
      if (!request.includes('/silent')) socket.write(`${OK}Content-Length: 2\r\n\r\nok`);
    });
    const url = `http://127.0.0.1:${port}`;
    await outcome(undiciAdapter, `${url}/check`);
    await outcome(undiciAdapter, `${url}/check`);
    expect(sockets).toHaveLength(1);
    await outcome(undiciAdapter, `${url}/silent`, new Scope(30));
    await outcome(undiciAdapter, `${url}/check`);
    expect(sockets).toHaveLength(2);
  });

  test('keeps no call waiting for another', async () => {
    const { port, sockets } = await serve(() => {});
    const calls = Array.from({ length: 300 }, () =>
      outcome(undiciAdapter, `http://127.0.0.1:${port}/check`, new Scope(300)),
    );
    await Promise.all(calls);
    expect(sockets).toHaveLength(300);
    await closed(sockets);
  });
});

async function closed(sockets: Socket[]): Promise<void> {
  await Promise.all(sockets.map((socket) => socket.closed || once(socket, 'close')));
}

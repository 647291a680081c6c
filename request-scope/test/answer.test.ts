import { type EventEmitter, once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect as connectHttp2, constants, createServer as createHttp2 } from 'node:http2';
import { type AddressInfo, connect, createServer as createTcp, type Socket } from 'node:net';
import { finished, pipeline, Readable } from 'node:stream';
import express, { type ErrorRequestHandler } from 'express';
import { describe, expect, test } from 'vitest';
import { scopeOf, scopes } from '../src/express.ts';
import {
  ClientDisconnected,
  ConnectionClosed,
  causeOf,
  requestScope,
  type Scope,
} from '../src/index.ts';
import { aborted, settled } from './event-loop.ts';
import { arrivalQueue, get, listen, post } from './probe.ts';

type Handler = (req: IncomingMessage, res: ServerResponse) => void;

/** A server of HTTP/1 whose handler is `handle`; a client that has sent it `text`. */
async function serve(handle: Handler, text = get()) {
  const server = createServer((req, res) => void handle(req, res));
  const listening = await listen(server);
  const client = await listening.connect(text);
  return { ...listening, server, client };
}

const GET = get();
const LEAVE = ['end', 'destroy', 'resetAndDestroy'] as const;

/** Events and where to listen to them; each calls `then` once the client has left. */
const LISTENERS: [string, (req: IncomingMessage, res: ServerResponse, then: () => void) => void][] =
  [
    ["req 'aborted'", (req, _res, then) => req.once('aborted', then)],
    ["req 'close'", (req, _res, then) => req.once('close', then)],
    ["req 'error'", (req, _res, then) => req.once('error', then)],
    ["res 'close'", (_req, res, then) => res.once('close', then)],
    ["socket 'close'", ({ socket }, _res, then) => socket.once('close', then)],
    [
      "socket 'close', before all others",
      (req, _, then) => req.socket.prependListener('close', then),
    ],
    ['finished(req)', (req, _res, then) => finished(req, then)],
    ['finished(res)', (_req, res, then) => finished(res, then)],
  ];

const ACTS: [string, (req: IncomingMessage, res: ServerResponse) => void][] = [
  ['ends the answer', (_req, res) => res.end()],
  ['answers', (_req, res) => (res.headersSent ? res : res.writeHead(400)).end('too late')],
  ['destroys the response', (_req, res) => res.destroy()],
  ['destroys the socket', ({ socket }) => socket.destroy()],
];

describe.each(LEAVE)('a client of HTTP/1 leaves by %s()', (leave) => {
  describe.each(LISTENERS)('and a listener of %s', (_where, hear) => {
    test.each(ACTS)('%s: the scope aborts, and is aborted before', async (_what, act) => {
      const { push, next } = arrivalQueue<Scope>();
      let isAborted: boolean | undefined;
      await using probe = await serve((req, res) => {
        let scope: Scope | undefined;
        req.on('error', () => {});
        hear(req, res, () => {
          isAborted = scope?.signal.aborted;
          act(req, res);
        });
        scope = requestScope(req, res);
        push(scope);
        res.write('begun');
      });
      const { signal } = await next();
      probe.client[leave]();
      expect(await aborted(signal)).toBeInstanceOf(ClientDisconnected);
      await settled();
      expect(isAborted).toBe(true);
    });

    test('opens the scope only afterwards, behind a listener that ends the answer', async () => {
      const { push, next } = arrivalQueue<{ scope?: Scope }>();
      await using probe = await serve((req, res) => {
        req.on('error', () => {});
        hear(req, res, () => res.end());
        hear(req, res, () => push({ scope: requestScope(req, res) }));
        push({});
      });
      await next();
      probe.client[leave]();
      expect((await next()).scope?.signal.reason).toBeInstanceOf(ClientDisconnected);
    });
  });

  test('behind a pipelined answer: both scopes abort, no matter what its listeners do', async () => {
    const { push, next } = arrivalQueue<Scope>();
    await using probe = await serve((req, res) => {
      push(requestScope(req, res));
      for (const event of ['close', 'aborted']) req.on(event, () => res.end());
      req.on('error', () => {});
    }, GET + GET);
    const scopes = [await next(), await next()];
    probe.client[leave]();
    for (const { signal } of scopes) {
      expect(await aborted(signal)).toBeInstanceOf(ClientDisconnected);
    }
  });

  test('an upload behind a body parser, and the error handler answers: its scope aborts', async () => {
    const { push, next } = arrivalQueue<Scope>();
    const app = express().use(scopes(), (_req, res, go) => {
      push(scopeOf(res));
      go();
    });
    const refuse: ErrorRequestHandler = (_error, _req, res, _next) => void res.sendStatus(400);
    app.use(express.json(), refuse);
    await using probe = await listen(createServer(app));
    const client = await probe.connect(
      post('{"a":1}', 'Content-Type: application/json\r\n').slice(0, -3),
    );
    const { signal } = await next();
    client[leave]();
    expect(await aborted(signal)).toBeInstanceOf(ClientDisconnected);
  });

  test('an upload is cut before scopeOf is called, and the answer ended: aborted from the start', async () => {
    const { push, next } = arrivalQueue<{ scope?: Scope }>();
    const app = express().use(scopes(), (_req, _res, go) => {
      push({});
      go();
    });
    const refuse: ErrorRequestHandler = (_error, _req, res, _next) => {
      res.sendStatus(400);
      push({ scope: scopeOf(res) });
    };
    app.use(express.json(), refuse);
    await using probe = await listen(createServer(app));
    const client = await probe.connect(
      post('{"a":1}', 'Content-Type: application/json\r\n').slice(0, -3),
    );
    await next();
    client[leave]();
    expect((await next()).scope?.signal.reason).toBeInstanceOf(ClientDisconnected);
  });

  test('after res.end(), whose bytes it has yet to read: no hang-up', async () => {
    const { push, next } = arrivalQueue<{ scope: Scope; socket: Socket }>();
    await using probe = await serve((req, res) => {
      push({ scope: requestScope(req, res), socket: req.socket });
      res.end(Buffer.alloc(20_000_000));
    });
    probe.client.pause();
    const { scope, socket } = await next();
    const closed = new Promise((resolve) => socket.once('close', resolve));
    probe.client.resume()[leave]();
    await closed;
    await settled();
    expect(scope.signal.aborted).toBe(false);
  });
});

test('a half-close is no hang-up where the server still answers', async () => {
  const { push, next } = arrivalQueue<{ scope: Scope; res: ServerResponse }>();
  await using probe = await serve((req, res) => push({ scope: requestScope(req, res), res }));
  Object.assign(probe.server, { httpAllowHalfOpen: true });
  const { scope, res } = await next();
  const ended = once(res.req.socket, 'end');
  probe.client.end();
  await ended;
  await settled();
  expect(scope.signal.aborted).toBe(false);
  res.end('answer');
  expect(String(await once(probe.client, 'data'))).toContain('answer');
});

class UpstreamFailed extends Error {}

/** An error of a connection to somewhere else that was reset. */
async function upstreamReset(): Promise<Error> {
  const upstream = createTcp((socket) => socket.resetAndDestroy()).listen(0);
  const socket = connect((upstream.address() as AddressInfo).port);
  const [error] = await once(socket, 'error').catch((reason) => [reason]);
  upstream.close();
  return error;
}

async function* failing(error: Error) {
  yield 'part';
  await settled();
  throw error;
}

/** How a server ends a connection before its answer is complete; `error` is what the handler gets. */
const SERVER_ENDS: [string, (req: IncomingMessage, res: ServerResponse, error: Error) => void][] = [
  ['pipeline, whose source fails', (_req, res, error) => pipeline(failing(error), res, () => {})],
  [
    'pipeline, whose callback ends the answer',
    (_req, res, error) => pipeline(Readable.from(failing(error)), res, () => res.end()),
  ],
  ['res.destroy()', (_req, res) => res.destroy()],
  ['res.destroy(error)', (_req, res, error) => res.destroy(error)],
  ['req.destroy(error)', (req, _res, error) => req.destroy(error)],
  ['socket.destroy()', ({ socket }) => socket.destroy()],
  ['socket.resetAndDestroy()', ({ socket }) => socket.resetAndDestroy()],
  ['socket.end()', ({ socket }) => socket.end()],
];

describe('the service itself ends a connection of HTTP/1: not the client', () => {
  test.each(SERVER_ENDS)('%s', async (_how, end) => {
    for (const error of [new UpstreamFailed('disk full'), await upstreamReset()]) {
      const { push, next } = arrivalQueue<Scope>();
      await using probe = await serve((req, res) => {
        req.on('error', () => {});
        res.on('error', () => {});
        const scope = requestScope(req, res);
        push(scope);
        res.write('begun');
        setImmediate(() => end(req, res, error));
      });
      const scope = await next();
      probe.client.once('end', () => probe.client.end());
      expect(await aborted(scope.signal)).toBeInstanceOf(ConnectionClosed);
      expect(causeOf(error, scope)).toBeUndefined();
    }
  });

  test.each([
    [
      // Not server.timeout: on a busy machine that ends a connection before its request has been read.
      'the timeout of a socket',
      (server: ReturnType<typeof createServer>) =>
        void server.on('request', ({ socket }) => socket.setTimeout(20)),
    ],
    [
      'server.closeAllConnections()',
      (server: ReturnType<typeof createServer>) =>
        void server.on('request', () => setImmediate(() => server.closeAllConnections())),
    ],
  ])('%s', async (_how, prepare) => {
    const { push, next } = arrivalQueue<Scope>();
    const server = createServer((req, res) => push(requestScope(req, res)));
    prepare(server);
    await using probe = await listen(server);
    await probe.connect(GET);
    expect(await aborted((await next()).signal)).toBeInstanceOf(ConnectionClosed);
  });

  test('a pipelined answer behind one that closes the connection', async () => {
    const { push, next } = arrivalQueue<{ scope: Scope; res: ServerResponse }>();
    await using _ = await serve(
      (req, res) => push({ scope: requestScope(req, res), res }),
      GET + GET,
    );
    const [first, second] = [await next(), await next()];
    first.res.writeHead(200, { Connection: 'close' }).end('bye');
    expect(await aborted(second.scope.signal)).toBeInstanceOf(ConnectionClosed);
    expect(first.scope.signal.aborted).toBe(false);
  });

  test('malformed HTTP behind the request', async () => {
    const { push, next } = arrivalQueue<Scope>();
    await using probe = await serve((req, res) => push(requestScope(req, res)));
    const scope = await next();
    probe.client.write('no HTTP at all\r\n\r\n');
    expect(await aborted(scope.signal)).toBeInstanceOf(ConnectionClosed);
  });
});

type Http2Arrival = { req: IncomingMessage; res: ServerResponse; scope: Scope };

/** A server of HTTP/2, its client, and a stream whose answer has begun. */
async function serveHttp2(handle: (req: IncomingMessage, res: ServerResponse) => void) {
  const server = createHttp2();
  const { push, next } = arrivalQueue<Http2Arrival>();
  const sockets: Socket[] = [];
  server.on('connection', (socket: Socket) => sockets.push(socket));
  const events: EventEmitter = server;
  events.on('request', (req: IncomingMessage, res: ServerResponse) => {
    for (const it of [req, res]) it.on('error', () => {});
    handle(req, res);
    const scope = requestScope(req, res);
    res.write('begun');
    push({ req, res, scope });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1').on('error', () => {});
  const session = connectHttp2('http://localhost', { createConnection: () => socket });
  session.on('error', () => {});
  const stream = session
    .request()
    .on('error', () => {})
    .resume();
  const arrival = await next();
  await once(stream, 'response');
  return {
    ...arrival,
    http2: Reflect.get(arrival.req, 'stream') as import('node:http2').ServerHttp2Stream,
    accepted: sockets[0] as Socket,
    client: { stream, session, socket },
    [Symbol.dispose]() {
      session.destroy();
      for (const it of sockets) it.destroy();
      server.close();
    },
  };
}

describe('a client of HTTP/2 leaves, and a listener ends the answer', () => {
  const client: [string, (it: Awaited<ReturnType<typeof serveHttp2>>['client']) => void][] = [
    ['CANCEL', ({ stream }) => stream.close(constants.NGHTTP2_CANCEL)],
    ['NO_ERROR', ({ stream }) => stream.close()],
    ['INTERNAL_ERROR', ({ stream }) => stream.close(constants.NGHTTP2_INTERNAL_ERROR)],
    ['session.destroy()', ({ session }) => session.destroy()],
    ['a GOAWAY with an error', ({ session }) => session.destroy(new Error('x'), 2)],
    ['FIN', ({ socket }) => socket.end()],
    ['RST', ({ socket }) => socket.resetAndDestroy()],
  ];
  test.each(client)('%s', async (_how, leave) => {
    using probe = await serveHttp2((req, res) => {
      req.on('aborted', () => res.end());
      res.on('close', () => res.end());
    });
    leave(probe.client);
    expect(await aborted(probe.scope.signal)).toBeInstanceOf(ClientDisconnected);
  });

  test('and the scope is opened only then', async () => {
    const { push, next } = arrivalQueue<Scope>();
    using probe = await serveHttp2((req, res) => {
      req.on('aborted', () => {
        res.end();
        push(requestScope(req, res));
      });
    });
    probe.client.stream.close(constants.NGHTTP2_CANCEL);
    expect((await next()).signal.reason).toBeInstanceOf(ClientDisconnected);
  });
});

describe('the service itself ends a stream of HTTP/2: not the client', () => {
  const server: [string, (it: Awaited<ReturnType<typeof serveHttp2>>) => void][] = [
    ['stream.close(code)', ({ http2 }) => http2.close(constants.NGHTTP2_INTERNAL_ERROR)],
    ['stream.close()', ({ http2 }) => http2.close()],
    ['stream.destroy(error)', ({ http2 }) => http2.on('error', () => {}).destroy(new Error('x'))],
    ['res.destroy(error)', ({ res }) => res.destroy(new Error('x'))],
    ['pipeline', ({ res }) => pipeline(failing(new UpstreamFailed()), res, () => res.end())],
    ['session.destroy()', ({ http2 }) => http2.session?.destroy()],
    ['socket.destroy()', ({ accepted }) => accepted.destroy()],
  ];
  test.each(server)('%s', async (_how, end) => {
    using probe = await serveHttp2(() => {});
    end(probe);
    expect(await aborted(probe.scope.signal)).toBeInstanceOf(ConnectionClosed);
  });
});

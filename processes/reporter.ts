import { subscribe } from 'node:diagnostics_channel';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type AddressInfo, Server, type Socket } from 'node:net';
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

// Preloaded into every program that `spawnProgram` starts; no program imports it. It answers the questions
// of the process that started it, and does nothing between them.

/** The first address that the program listens on. */
type Address = AddressInfo;

/** A request that has just arrived. */
export interface Arrival {
  requestId: string;
  /** Without the query. */
  path: string;
  /** Unix time in milliseconds. */
  time: number;
  /** The caller's budget as it was sent, if it was. */
  budgetMs?: number;
}

/** A request on the wire, as its server sees it. Times are Unix times in milliseconds. */
export interface Exchange {
  /** Tells the requests of a process apart. */
  id: number;
  requestId: string;
  /** `POST /pay?orderID=live-1` */
  request: string;
  /** Of its headers, those of `WIRE_HEADERS`. */
  headers: Record<string, string>;
  arrivedAt: number;
  /** The answer, once it is complete; `headers` as above. */
  answer?: { status: number; headers: Record<string, string>; sentAt: number };
  /** When the caller closed the connection, if it did not wait for the answer. */
  hungUpAt?: number;
}

/** The headers that say which attempt this is, and how long its caller still waits. */
const WIRE_HEADERS = [
  'x-request-id',
  'idempotency-key',
  'x-caller-key',
  'x-envoy-expected-rq-timeout-ms',
  'x-operation',
  'retry-after',
];

/** What the process holds after a garbage collection. */
export interface Holdings {
  residentBytes: number;
  heapBytes: number;
  /** What keeps the event loop alive, counted by kind (`TCPSocketWrap`, `Timeout`). Open files are left out. */
  resources: Record<string, number>;
  /** Listeners on the process and, once `sockets` has been asked, on each socket. */
  listeners: number;
}

/** The answer to each question. */
export interface Answers {
  /** Comes when the program listens. */
  address: Address;
  /** One answer per request that arrives after the question. */
  arrivals: Arrival;
  /** An answer per request when its head has arrived, and one when it has been answered or its caller hung up. */
  exchanges: Exchange;
  /** Starts to keep track of sockets, for `holdings`; the answer says so. */
  sockets: true;
  /** Processor time so far in microseconds: user and system, all threads. */
  cpuUs: number;
  /** The longest time for which the event loop has stood since this question; the first answer is 0. */
  longestStandMs: number;
  holdings: Holdings;
}

export type Question = keyof Answers;

const listening = new Promise<Address>((resolve) => {
  subscribe('tracing:net.server.listen:asyncEnd', (message) => {
    const { server } = Object(message);
    // The program logs first that it listens.
    if (server instanceof Server) setImmediate(() => resolve(server.address() as Address));
  });
});

const sockets = new Set<Socket>();

const LOOP_RESOLUTION_MS = 10;
let loopDelay: IntervalHistogram | undefined;

type Started = { request: IncomingMessage; response: ServerResponse };

function wireHeaders(headers: Record<string, unknown>): Record<string, string> {
  const present = WIRE_HEADERS.filter((name) => headers[name] !== undefined);
  return Object.fromEntries(present.map((name) => [name, String(headers[name])]));
}

const ANSWER: { [Each in Question]: (reply: (answer: Answers[Each]) => void) => void } = {
  address: (reply) => listening.then(reply),
  arrivals(reply) {
    subscribe('http.server.request.start', (message) => {
      const { url, headers } = (message as { request: IncomingMessage }).request;
      const [path = ''] = url?.split('?') ?? [];
      const sent = headers['x-envoy-expected-rq-timeout-ms'];
      const budget = sent === undefined ? {} : { budgetMs: Number(sent) };
      reply({ requestId: String(headers['x-request-id']), path, time: Date.now(), ...budget });
    });
  },
  exchanges(reply) {
    let exchanges = 0;
    subscribe('http.server.request.start', (message) => {
      const { request, response } = message as Started;
      exchanges += 1;
      const exchange: Exchange = {
        id: exchanges,
        requestId: String(request.headers['x-request-id']),
        request: `${request.method} ${request.url}`,
        headers: wireHeaders(request.headers),
        arrivedAt: Date.now(),
      };
      reply(exchange);
      let hungUpAt: number | undefined;
      // Before the program's own listeners, which take their time.
      const onHangUp = () => {
        hungUpAt ??= Date.now();
      };
      const { socket } = request;
      for (const event of ['end', 'close']) socket.prependListener(event, onHangUp);
      const end = (how: Pick<Exchange, 'answer' | 'hungUpAt'>) => {
        response.off('finish', onFinish).off('close', onClose);
        for (const event of ['end', 'close']) socket.off(event, onHangUp);
        reply({ ...exchange, ...how });
      };
      const onFinish = () => {
        const headers = wireHeaders(response.getHeaders());
        end({ answer: { status: response.statusCode, headers, sentAt: Date.now() } });
      };
      const onClose = () => end({ hungUpAt: hungUpAt ?? Date.now() });
      response.once('finish', onFinish).once('close', onClose);
    });
  },
  sockets(reply) {
    const follow = (message: unknown) => {
      const { socket } = message as { socket: Socket };
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    };
    subscribe('net.server.socket', follow);
    subscribe('net.client.socket', follow);
    reply(true);
  },
  cpuUs(reply) {
    const { user, system } = process.cpuUsage();
    reply(user + system);
  },
  longestStandMs(reply) {
    // A turn that still runs when the question comes is recorded after it.
    setImmediate(() => {
      const standMs = loopDelay ? loopDelay.max / 1e6 - LOOP_RESOLUTION_MS : 0;
      loopDelay ??= monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS });
      loopDelay.reset();
      loopDelay.enable();
      reply(Math.max(0, standMs));
    });
  },
  holdings: (reply) => reply(holdings()),
};

process.on('message', ({ id, question }: { id: number; question: Question }) => {
  ANSWER[question]((answer: unknown) => process.send?.({ id, answer }));
});

// The process that started this one has ended, so nobody waits for an orderly exit.
const leave = () => process.kill(process.pid, 'SIGKILL');
process.once('disconnect', leave);
process.channel?.unref();
if (!process.connected) leave();

function holdings(): Holdings {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc');
  collect();
  collect();
  const { rss, heapUsed } = process.memoryUsage();
  const resources: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) {
    if (!kind.startsWith('FSReq')) resources[kind] = (resources[kind] ?? 0) + 1;
  }
  const listeners = [process, ...sockets].flatMap((emitter) =>
    emitter.eventNames().map((name) => emitter.listenerCount(name as string)),
  );
  return {
    residentBytes: rss,
    heapBytes: heapUsed,
    resources,
    listeners: listeners.reduce((sum, each) => sum + each, 0),
  };
}

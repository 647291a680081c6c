import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { portOf } from '../../harness/network.ts';

interface GateOptions {
  /** How many payments pass at a time. */
  workers: number;
  /** How long the work of a payment takes, in milliseconds. */
  workMs: number;
  /** Called after each change of `workers` or `queue`. */
  onChange: () => void;
}

/**
 * A limit in front of payment-service: so many payments at a time, the others wait in a queue, first come, first
 * served. Voids pass. It knows only what is on the wire: a payment whose caller closes its connection leaves the
 * queue, or is closed towards payment-service.
 */
export interface Gate extends AsyncDisposable {
  url: string;
  /** The port of payment-service; must be set before the first request. */
  port: number;
  /** The `x-request-id` that each worker has, if it has one. */
  readonly workers: readonly (string | undefined)[];
  /** Those that wait for a worker, the next one first. */
  readonly queue: readonly string[];
  /** Whether it has no request at all, of any kind. */
  readonly isIdle: boolean;
  /** Takes the request's worker back: payment-service has logged the end of its work. */
  release: (requestId: string) => void;
}

interface Waiting {
  requestId: string;
  req: IncomingMessage;
  res: ServerResponse;
}

/** After its caller has left, a payment that has not been logged as ended holds its worker no longer than its work. */
const LATE_MS = 100;

/** Starts a gate on a free port of 127.0.0.1. */
export async function startGate(options: GateOptions): Promise<Gate> {
  const { workMs, onChange } = options;
  const workers: (string | undefined)[] = Array.from({ length: options.workers });
  const timers = new Map<string, NodeJS.Timeout>();
  const open = new Set<ServerResponse>();
  let queue: Waiting[] = [];

  const release = (requestId: string) => {
    const worker = workers.indexOf(requestId);
    if (worker < 0) return;
    clearTimeout(timers.get(requestId));
    timers.delete(requestId);
    workers[worker] = undefined;
    employ();
    onChange();
  };
  const employ = () => {
    for (const [worker, requestId] of workers.entries()) {
      const next = requestId === undefined && queue.shift();
      if (!next) continue;
      workers[worker] = next.requestId;
      const end = () => release(next.requestId);
      next.res.once('close', () => {
        if (workers[worker] === next.requestId)
          timers.set(next.requestId, setTimeout(end, workMs + LATE_MS));
      });
      forward(next, end);
    }
  };
  const forward = ({ req, res }: Omit<Waiting, 'requestId'>, onEnd: () => void) => {
    const { method = 'GET', url = '/', headers } = req;
    const to = { host: '127.0.0.1', port: gate.port, agent: false } as const;
    const call = request({ ...to, method, path: url, headers }, (answer) => {
      res.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.once('end', onEnd).pipe(res);
    });
    call.on('error', () => res.destroy()).end();
    res.once('close', () => call.destroy());
  };

  const server = createServer((req, res) => {
    req.resume(); // While a body is unread, Node does not notice a hang-up.
    open.add(res);
    res.once('close', () => open.delete(res));
    if (!req.url?.startsWith('/pay?')) return forward({ req, res }, () => {});
    const waiting = { requestId: String(req.headers['x-request-id']), req, res };
    queue.push(waiting);
    res.once('close', () => {
      queue = queue.filter((other) => other !== waiting);
      onChange();
    });
    employ();
    onChange();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const gate: Gate = {
    url: `http://127.0.0.1:${portOf(server)}`,
    port: 0,
    workers,
    release,
    get queue() {
      return queue.map(({ requestId }) => requestId);
    },
    get isIdle() {
      return open.size === 0 && workers.every((requestId) => requestId === undefined);
    },
    async [Symbol.asyncDispose]() {
      for (const timer of timers.values()) clearTimeout(timer);
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return gate;
}

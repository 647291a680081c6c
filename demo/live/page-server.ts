import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type GracefulShutdown, requestScope, type Scope } from 'request-scope';
import { readAssets } from './assets.ts';
import { placeOrder } from './clients.ts';
import { Crowd } from './crowd.ts';
import type { History } from './history.ts';
import type { Side } from './side.ts';

/**
 * How much longer a caller keeps its connection than it waits, in milliseconds. If it closed the connection at the
 * same moment, the hang-up would hide what the budget does.
 */
const GRACE_MS = 500;

const HEADERS = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy': "default-src 'self'; img-src data:; frame-ancestors 'none'",
  'Cross-Origin-Resource-Policy': 'same-origin',
  'X-Content-Type-Options': 'nosniff',
};

/**
 * Creates the server of the page, of its events (`/events`) and of its buttons. It publishes to `history` what the
 * clients see; the `sides` publish the rest.
 */
export function createPageServer(
  sides: readonly Side[],
  history: History,
  shutdown: GracefulShutdown,
): Server {
  const assets = readAssets();
  let orders = 0;
  const crowd = new Crowd(
    sides.map(({ name }) => name),
    (frame) => history.publishState('crowd', frame),
  );
  const begin = () => {
    orders = 0;
    for (const side of sides) side.heal();
    const about = sides.map((side) => [side.name, { url: side.doorUrl, ...side.state() }]);
    history.reset({ time: Date.now(), msg: 'Reset', sides: Object.fromEntries(about) });
    crowd.announce();
  };
  begin();

  /** Sends one order to all sides. Its client waits `waitsMs`, if given. */
  const place = async (parent: Scope, waitsMs: number | undefined) => {
    orders += 1;
    const order = {
      requestId: randomUUID(),
      orderID: `live-${orders}`,
      ...(waitsMs !== undefined && { waitsMs }),
    };
    using scope = parent.child(
      waitsMs === undefined ? Number.POSITIVE_INFINITY : waitsMs + GRACE_MS,
    );
    await Promise.all(sides.map((side) => placeOrder(side, order, scope, history.publish)));
  };
  const presses: Record<string, (scope: Scope, query: URLSearchParams) => unknown> = {
    '/order': (scope, query) => place(scope, waitsMsOf(query)),
    '/crowd': (scope) => crowd.run(scope),
    '/cut': () => sides.map((side) => side.cut()),
    '/heal': () => sides.map((side) => side.heal()),
    '/stop': () => void sides.map((side) => side.restartOrder()),
    '/reset': () => crowd.stop().then(begin),
  };

  const handle = async (req: IncomingMessage, res: ServerResponse) => {
    const [path = '', query] = req.url?.split('?') ?? [];
    const refuse = (status: number, why: string) => res.writeHead(status, HEADERS).end(`${why}\n`);
    for (const [name, value] of Object.entries(HEADERS)) res.setHeader(name, value);
    if (!isFromOwnPage(req)) return refuse(403, 'Only for the page itself');
    const found = assets.get(path);
    const press = Object.hasOwn(presses, path) && presses[path];
    if (!found && !press && path !== '/events') return refuse(404, 'Not found');
    if (req.method !== (press ? 'POST' : 'GET')) return refuse(405, 'Method not allowed');
    if (found) return res.setHeader('Content-Type', found.type).end(found.body);
    if (!press) return history.follow(res, Number(req.headers['last-event-id'] ?? 0));
    req.resume(); // While a body is unread, Node does not notice a hang-up.
    using scope = requestScope(req, res, { shutdown });
    await press(scope, new URLSearchParams(query));
    return res.writeHead(204).end();
  };
  shutdown.signal.addEventListener('abort', () => history.end(), { once: true });
  const server = createServer(handle);
  shutdown.attach(server);
  return server;
}

/** The `waitsMs` of a query, in whole milliseconds; undefined if there is no valid one. */
function waitsMsOf(query: URLSearchParams): number | undefined {
  const waitsMs = query.get('waitsMs') ?? '';
  return /^[1-9]\d{0,6}$/.test(waitsMs) ? Number(waitsMs) : undefined;
}

/** False if a page of another origin may have sent the request: it could read the events and press the buttons. */
function isFromOwnPage({ method, socket, headers: { host = '', origin } }: IncomingMessage) {
  const [, port] = /^(?:localhost|127\.0\.0\.1)(?::(\d+))?$/.exec(host) ?? [undefined, 'none'];
  if (Number(port ?? 80) !== socket.localPort) return false;
  return origin === undefined ? method === 'GET' : origin === `http://${host}`;
}

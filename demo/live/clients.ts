import { randomUUID } from 'node:crypto';
import { createServer, request, type Server } from 'node:http';
import { BUDGET_HEADER, type Cancellation, causeOf, type Scope } from 'request-scope';
import { send } from '../../harness/clients.ts';
import type { Publish } from './history.ts';
import type { SideName } from './side.ts';

/** An order as its client sends it. */
export interface ClientOrder {
  requestId: string;
  orderID: string;
  /** How long the client waits, in milliseconds. It sends this as its budget. */
  waitsMs?: number;
  /** It came from a client of its own, such as curl, to one side. */
  isForeign?: boolean;
}

type OrderUrl = { name: SideName; orderUrl: string };

/** Publishes what the client of an order on one side does and gets. */
function reporter({ name }: OrderUrl, order: ClientOrder, publish: Publish) {
  const report = (msg: string, more = {}) =>
    publish({ side: name, time: Date.now(), service: 'client', ...order, msg, ...more });
  return {
    placed: () => report('Places an order'),
    answered: (status: number) =>
      report(`Gets ${status}`, { status, outcome: status === 200 ? 'processed' : 'failed' }),
    unanswered: () => report('Gets no answer', { outcome: 'failed' }),
    left: (cause?: Cancellation) =>
      cause?.code === 'deadline-exceeded'
        ? report('Its time is up', { outcome: 'gave up' })
        : report('Hangs up', { outcome: 'hung up' }),
  };
}

/** Sends an order to one side, until `scope` aborts. */
export async function placeOrder(
  side: OrderUrl,
  order: ClientOrder,
  scope: Scope,
  publish: Publish,
): Promise<void> {
  const { requestId, orderID, waitsMs } = order;
  const client = reporter(side, order, publish);
  const url = `${side.orderUrl}/order?orderID=${orderID}`;
  const budget = waitsMs === undefined ? {} : { [BUDGET_HEADER]: String(waitsMs) };
  client.placed();
  try {
    const headers = { 'x-request-id': requestId, ...budget };
    const { status } = await send(url, { headers, signal: scope.signal }).answer;
    client.answered(status);
  } catch (error) {
    const cause = causeOf(error, scope);
    if (cause) client.left(cause);
    else client.unanswered();
  }
}

/**
 * Creates the server that stands in front of a side's order-service for clients other than the page. It passes
 * requests, answers and hang-ups on as they are, and publishes what the client of an order does and gets. Like any
 * gateway, it names a request that has no `x-request-id`.
 */
export function createDoor(side: OrderUrl, publish: Publish): Server {
  const { hostname, port } = new URL(side.orderUrl);
  return createServer((req, res) => {
    const { method, url: path = '/' } = req;
    const [pathname, query] = path.split('?');
    const requestId = String(req.headers['x-request-id'] ?? randomUUID());
    const orderID = new URLSearchParams(query).get('orderID') ?? 'orderID-5678';
    const order = { requestId, orderID, isForeign: true };
    const client = reporter(side, order, pathname === '/order' ? publish : () => {});
    const headers = { ...req.headers, 'x-request-id': requestId };
    const passed = request({ hostname, port, path, method, headers, agent: false });
    let isBroken = false;
    const fail = () => {
      isBroken = true;
      res.destroy();
    };
    client.placed();
    passed.on('error', fail).once('response', (answer) => {
      res.writeHead(answer.statusCode ?? 0, answer.rawHeaders);
      answer.once('error', fail).pipe(res);
    });
    res.once('close', () => {
      if (res.writableFinished) client.answered(res.statusCode);
      else if (isBroken) client.unanswered();
      else client.left();
      passed.destroy();
    });
    req.pipe(passed);
  });
}

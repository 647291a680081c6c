import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { Database } from '@orders/chassis';
import { pino } from 'pino';
import { GracefulShutdown } from 'request-scope';
import { portOf } from '../../harness/network.ts';
import { CALLED, variableOf } from '../../services.ts';
import { createApp } from '../src/app.ts';
import { type Config, readConfig } from '../src/config.ts';
import { orderSteps } from '../src/place-order.ts';
import type { Step } from '../src/step.ts';

/** Never reached, also on a slow machine. */
const LONG_MS = '60000';

/** The services that an order calls, other than inventory and payment. */
const OTHERS: readonly string[] = CALLED.filter(
  (name) => name !== 'inventory' && name !== 'payment',
);
const done: RequestListener = (_req, res) => res.end('done');

/** An order service, its log, and the services that it calls. */
export class OrderServiceUnderTest {
  readonly lines: Record<string, unknown>[] = [];
  /** Steps that its orders perform after their own. */
  readonly added: Step[] = [];
  /** The steps of its latest app. */
  steps: readonly Step[] = [];
  /** The calls that reached those services. */
  readonly calls: IncomingMessage[] = [];
  readonly shutdown = new GracefulShutdown();
  readonly #servers: Server[] = [];

  /** Its app, between an inventory and a payment service that answer with these listeners. */
  async appBetween(
    inventory: RequestListener,
    payment: RequestListener,
    env: Record<string, string> = {},
    overrides: Partial<Config> = {},
    database?: Database,
  ): Promise<RequestListener> {
    const INVENTORY_URL = await this.serve(inventory);
    const PAYMENT_URL = await this.serve(payment);
    const logger = pino({}, { write: (line) => this.lines.push(JSON.parse(line)) });
    const urls = { ...(await this.#others()), INVENTORY_URL, PAYMENT_URL };
    const config = { ...readConfig({ ...urls, CALL_TIMEOUT_MS: LONG_MS, ...env }), ...overrides };
    this.steps = [...orderSteps(config), ...this.added];
    return createApp({ config, logger, shutdown: this.shutdown, database, steps: this.steps });
  }

  /** The calls to one route. */
  reached(path: string): IncomingMessage[] {
    return this.calls.filter(({ url }) => url?.startsWith(path));
  }

  logged(msg: string): Record<string, unknown>[] {
    return this.lines.filter((line) => line.msg === msg);
  }

  close(): void {
    for (const server of this.#servers) server.close().closeAllConnections();
  }

  /** The URL of a service that answers with `listener`. */
  serve(listener: RequestListener): Promise<string> {
    return this.#serve((req, res) => {
      this.calls.push(req);
      listener(req, res);
    });
  }

  /** Starts the other services. They always succeed. */
  async #others(): Promise<Record<string, string>> {
    const urls: Record<string, string> = {};
    for (const name of OTHERS) urls[variableOf(name, 'URL')] = await this.#serve(done);
    return urls;
  }

  async #serve(listener: RequestListener): Promise<string> {
    const server = createServer((req, res) => {
      for (const name of ['x-request-id', 'idempotency-key']) {
        const value = req.headers[name];
        if (value !== undefined) res.setHeader(name, value);
      }
      const { pathname, searchParams } = new URL(req.url ?? '', 'http://x');
      const [subject = ''] = searchParams.values();
      res.setHeader('x-operation', `${pathname.slice(1)} ${encodeURIComponent(subject)}`);
      listener(req, res);
    });
    this.#servers.push(server);
    await once(server.listen(0), 'listening');
    return `http://127.0.0.1:${portOf(server)}`;
  }
}

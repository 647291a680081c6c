import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { Database } from '@orders/chassis';
import { pino } from 'pino';
import { GracefulShutdown } from '#request-scope';
import { portOf } from '../../harness/port-of.ts';
import { createApp } from '../src/app.ts';
import { type Config, readConfig } from '../src/config.ts';
import { orderSteps } from '../src/place-order.ts';
import type { Step } from '../src/step.ts';

/** The machine may be slow, and it is not its speed that is tested. */
const LONG_MS = '60000';

/** An order service, what it logs, and what it calls. */
export class OrderServiceUnderTest {
  readonly lines: Record<string, unknown>[] = [];
  /** What its orders take after their own steps. */
  readonly added: Step[] = [];
  /** The calls that reached the services that it has been given. */
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
    const [INVENTORY_URL, PAYMENT_URL] = [await this.serve(inventory), await this.serve(payment)];
    const logger = pino({}, { write: (line) => this.lines.push(JSON.parse(line)) });
    const urls = { INVENTORY_URL, PAYMENT_URL, CALL_TIMEOUT_MS: LONG_MS };
    const config = { ...readConfig({ ...urls, ...env }), ...overrides };
    const steps = [...orderSteps(config), ...this.added];
    return createApp(config, logger, this.shutdown, database, steps);
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
  async serve(listener: RequestListener): Promise<string> {
    const server = createServer((req, res) => {
      this.calls.push(req);
      for (const name of ['x-request-id', 'idempotency-key']) {
        const value = req.headers[name];
        if (value !== undefined) res.setHeader(name, value);
      }
      listener(req, res);
    });
    this.#servers.push(server);
    await once(server.listen(0), 'listening');
    return `http://127.0.0.1:${portOf(server)}`;
  }
}

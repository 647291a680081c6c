import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { GracefulShutdown } from '@orders/cancellation';
import type { Express } from 'express';
import { pino } from 'pino';
import { portOf } from '../../harness/port-of.ts';
import { createApp } from '../src/app.ts';
import { type Config, readConfig } from '../src/config.ts';

/** The machine may be slow, and it is not its speed that is tested. */
const LONG_MS = '60000';

export const available: RequestListener = (_req, res) => res.end('Product 1234 is available\n');
export const paid: RequestListener = (_req, res) =>
  res.end('Payment for order orderID-5678 completed');
export const voided: RequestListener = (_req, res) =>
  res.end('Payment for order orderID-5678 voided');
export const silent: RequestListener = () => {};
export const answers =
  (status: number): RequestListener =>
  (_req, res) =>
    res.writeHead(status).end('a body that no client of ours may see');

/** Passes requests on to `listener`, but none before `release` is called. */
export function held(listener: RequestListener): {
  listener: RequestListener;
  release: () => void;
} {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  return { listener: (req, res) => void released.then(() => listener(req, res)), release };
}

/** A payment service whose two routes behave as they are told. */
export const paymentService =
  (pay: RequestListener, revoke: RequestListener): RequestListener =>
  (req, res) =>
    (req.url?.startsWith('/pay') ? pay : revoke)(req, res);

/** The order service between an inventory and a payment service that behave as they are told. */
export class Stage {
  readonly lines: Record<string, unknown>[] = [];
  /** What reached the two services. */
  readonly calls: IncomingMessage[] = [];
  readonly shutdown = new GracefulShutdown();
  readonly #servers: Server[] = [];

  async orderService(
    inventory: RequestListener,
    payment: RequestListener,
    env: Record<string, string> = {},
    overrides: Partial<Config> = {},
  ): Promise<Express> {
    const [INVENTORY_URL, PAYMENT_URL] = [await this.#play(inventory), await this.#play(payment)];
    const logger = pino({}, { write: (line) => this.lines.push(JSON.parse(line)) });
    const urls = { INVENTORY_URL, PAYMENT_URL, CALL_TIMEOUT_MS: LONG_MS };
    const config = { ...readConfig({ ...urls, ...env }), ...overrides };
    return createApp(config, logger, this.shutdown);
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

  async #play(listener: RequestListener): Promise<string> {
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

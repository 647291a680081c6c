import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { Database } from '@orders/chassis';
import { pino } from 'pino';
import request from 'supertest';
import { createApp } from '../src/app.ts';

/** A payment service, and the lines that it logs. */
export class PaymentServiceUnderTest {
  readonly lines: Record<string, unknown>[] = [];
  server: Server = createServer();

  async start(paymentDurationMs: number, database?: Database): Promise<void> {
    const logger = pino({}, { write: (line) => this.lines.push(JSON.parse(line)) });
    const config = { paymentDurationMs, retentionMs: 60_000 };
    this.server = createServer(createApp({ config, logger, database }));
    await once(this.server.listen(0), 'listening');
  }

  close(): Promise<unknown> {
    return new Promise((resolve) => this.server.close(resolve));
  }

  pay(key: string, orderID = 'X') {
    return request(this.server).post(`/pay?orderID=${orderID}`).set('Idempotency-Key', key);
  }

  void(key: string, orderID = 'X') {
    return request(this.server).post(`/void?orderID=${orderID}`).set('Idempotency-Key', key);
  }

  async payments(orderID = 'X') {
    return (await request(this.server).get(`/payments?orderID=${orderID}`)).body;
  }

  messages(): unknown[] {
    return this.lines.map(({ msg }) => msg);
  }
}

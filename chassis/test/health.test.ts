import { pino } from 'pino';
import { GracefulShutdown } from 'request-scope';
import request from 'supertest';
import { expect, test } from 'vitest';
import { createServiceApp, type Database } from '../src/index.ts';

const lines: string[] = [];
const logger = pino({ write: (line: string) => lines.push(line) });

test('a service is healthy, also for HEAD, and a probe is not logged', async () => {
  const app = createServiceApp({ logger }, () => {});
  await request(app).get('/health').expect(200, { status: 'ok' });
  await request(app).head('/health').expect(200);
  const { headers } = await request(app).post('/health').expect(405);
  expect(headers.allow).toBe('GET, HEAD');
  expect(lines).toEqual([]);
});

test('a service with a database is as healthy as it', async () => {
  const database = { isAvailable: false, reason: 'ECONNREFUSED' };
  const app = createServiceApp({ logger, database: database as unknown as Database }, () => {});
  const away = { status: 'database unavailable', reason: 'ECONNREFUSED' };
  await request(app).get('/health').expect(503, away);
  database.isAvailable = true;
  await request(app).get('/health').expect(200, { status: 'ok' });
});

test('a service that drains is not healthy', async () => {
  const shutdown = new GracefulShutdown();
  const app = createServiceApp({ logger, shutdown }, () => {});
  const drained = shutdown.drain(0);
  await request(app).get('/health').expect(503, { status: 'draining' });
  await drained;
});

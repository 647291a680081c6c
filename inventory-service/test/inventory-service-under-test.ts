import { once } from 'node:events';
import { createServer } from 'node:http';
import { pino } from 'pino';
import { GracefulShutdown } from 'request-scope';
import { send } from '../../harness/clients.ts';
import { portOf } from '../../harness/network.ts';
import type { LogLine } from '../../harness/service-process.ts';
import { until } from '../../harness/time.ts';
import { type Database, openDatabase } from '../../postgres/src/database.ts';
import { Tables } from '../../postgres/src/tables.ts';
import { createApp } from '../src/app.ts';
import { PRODUCTS } from '../src/stock/postgres.ts';

const BUDGET = 'x-envoy-expected-rq-timeout-ms';

interface Options {
  connections?: number;
  durationMs?: number;
  /** Replaces the database at the URL. */
  database?: Database;
}

/** Starts the service in this process, with its database at `url`. */
export async function startInventory(
  url: string,
  { connections = 10, durationMs = 5, ...options }: Options = {},
) {
  const lines: LogLine[] = [];
  const logger = pino({}, { write: (line) => lines.push(JSON.parse(line)) });
  const shutdown = new GracefulShutdown();
  const config = { checkDurationMs: durationMs };
  const { signal } = shutdown;
  const tables = new Tables('orders', [PRODUCTS]);
  const database =
    options.database ??
    (await openDatabase(url, { tables, maxConnections: connections, logger, signal }));
  const http = createServer(createApp({ config, logger, shutdown, database }));
  shutdown.attach(http);
  await once(http.listen(0, '127.0.0.1'), 'listening');
  const base = `http://127.0.0.1:${portOf(http)}`;
  return {
    lines,
    shutdown,
    check(product = '1234', budgetMs?: number) {
      const headers = budgetMs === undefined ? {} : { [BUDGET]: String(budgetMs) };
      return send(`${base}/check?productID=${encodeURIComponent(product)}`, { headers });
    },
    /** Resolves once `/health` gives this answer. */
    health: (wanted: string) =>
      until(`the health ${wanted}`, async () => {
        const { status, body } = await send(`${base}/health`).answer;
        return `${status} ${body}` === wanted || undefined;
      }),
    /** Resolves with the line that says how a check ended. */
    outcome: ({ requestId }: { requestId: string }) =>
      until('the outcome', async () => lines.find((line) => line.requestId === requestId)),
    async [Symbol.asyncDispose]() {
      await shutdown.drain(0);
      await database.pool.close();
    },
  };
}

export const HEALTHY = '200 {"status":"ok"}';
export const UNAVAILABLE = '503 {"status":"database unavailable","reason":"ECONNREFUSED"}';

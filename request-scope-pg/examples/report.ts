import { createServer } from 'node:http';
import { causeOf, GracefulShutdown, requestScope } from 'request-scope';
import { createPool } from 'request-scope-pg';

// Each request runs a report that takes the database ten seconds, unless its client hangs up first:
//   DATABASE_URL=postgres://user@host/database node run.js request-scope-pg/examples/report.ts
//   curl --max-time 1 http://localhost:8090
const { DATABASE_URL = 'postgres://postgres@localhost/postgres', PORT = '8090' } = process.env;
const REPORT = "select 'a long report' as report, pg_sleep(10)";

const pool = createPool(DATABASE_URL, { maxConnections: 10 });
const shutdown = new GracefulShutdown();

const server = createServer(async (req, res) => {
  using scope = requestScope(req, res, { shutdown });
  try {
    const { rows } = await pool.query(REPORT, [], scope);
    res.end(`${rows[0]?.report}\n`);
  } catch (error) {
    const cause = causeOf(error, scope);
    process.stdout.write(`Report ended: ${cause?.message ?? error}\n`);
    const canceled = cause?.code === 'deadline-exceeded' ? 504 : 503;
    res.writeHead(cause ? canceled : 500).end();
  }
});

shutdown.attach(server);
server.listen(Number(PORT), () => {
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  process.stdout.write(`Listening on http://localhost:${port}\n`);
});
process.once('SIGTERM', async () => {
  await shutdown.drain(1_000);
  await pool.close();
});

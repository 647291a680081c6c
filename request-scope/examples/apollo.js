// Apollo Server 5 behind Express: the scope is in the context, and formatError gives every cancellation its code.
import { AsyncLocalStorage } from 'node:async_hooks';
import { createServer } from 'node:http';
import { ApolloServer } from '@apollo/server';
import { expressMiddleware } from '@as-integrations/express5';
import express from 'express';
import { causeOf, GracefulShutdown, withTimeout } from 'request-scope';
import { scopeOf, scopes } from 'request-scope/express';
import { buildReport } from './report.js';

const shutdown = new GracefulShutdown();
const responses = new AsyncLocalStorage(); // formatError does not receive the context.

const apollo = new ApolloServer({
  typeDefs: 'type Query { report(ms: Int): String }',
  resolvers: {
    Query: {
      report: (_parent, { ms }, { scope }) =>
        withTimeout(scope, 5_000, ({ signal }) => buildReport(signal, ms)),
    },
  },
  formatError(formatted, error) {
    const cause = causeOf(error, scopeOf(responses.getStore()));
    if (!cause) return formatted;
    const code = cause.code.toUpperCase().replaceAll('-', '_'); // DEADLINE_EXCEEDED
    return { ...formatted, message: cause.message, extensions: { code } };
  },
  stopOnTerminationSignals: false,
});
await apollo.start();

const app = express();
app.use(scopes({ shutdown }), (_req, res, next) => responses.run(res, next));
app.use(
  '/graphql',
  express.json(),
  expressMiddleware(apollo, { context: async ({ res }) => ({ scope: scopeOf(res) }) }),
);

const server = createServer(app);
shutdown.attach(server);
server.listen(process.env.PORT ?? 3000, () => {
  console.log(`listening on port ${server.address().port}`);
});
process.on('SIGTERM', async () => {
  await shutdown.drain(8_000);
  await apollo.stop();
});

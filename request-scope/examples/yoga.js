// GraphQL Yoga 5: the scope is in the context, and a plugin gives every cancellation its code.
import { createServer } from 'node:http';
import { createGraphQLError, createSchema, createYoga } from 'graphql-yoga';
import { causeOf, GracefulShutdown, withTimeout } from 'request-scope';
import { scopeOf, scopes } from 'request-scope/express';
import { buildReport } from './report.js';

const shutdown = new GracefulShutdown();

const schema = createSchema({
  typeDefs: 'type Query { report(ms: Int): String }',
  resolvers: {
    Query: {
      report: (_parent, { ms }, { scope }) =>
        withTimeout(scope, 5_000, ({ signal }) => buildReport(signal, ms)),
    },
  },
});

/** DEADLINE_EXCEEDED and the like. `maskError` would not know the context, and would log each one as an error. */
const cancellationCodes = {
  onExecute: ({ args: { contextValue } }) => ({
    onExecuteDone({ result, setResult }) {
      const errors = result.errors?.map((error) => {
        const cause = causeOf(error, contextValue.scope);
        if (!cause) return error;
        const code = cause.code.toUpperCase().replaceAll('-', '_');
        return createGraphQLError(cause.message, { path: error.path, extensions: { code } });
      });
      if (errors) setResult({ ...result, errors });
    },
  }),
};

const yoga = createYoga({
  schema,
  context: ({ res }) => ({ scope: scopeOf(res) }),
  plugins: [cancellationCodes],
});

const openScope = scopes({ shutdown });
const server = createServer((req, res) => openScope(req, res, () => yoga(req, res)));
shutdown.attach(server);
server.listen(process.env.PORT ?? 3000, () => {
  console.log(`listening on port ${server.address().port}`);
});
process.on('SIGTERM', () => shutdown.drain(8_000));

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startCommand } from '../../harness/command.ts';

/** The exports of each entry. */
const ENTRIES = {
  'request-scope': [
    'BUDGET_HEADER',
    'Cancellation',
    'ClientDisconnected',
    'ConnectionClosed',
    'DeadlineExceeded',
    'GracefulShutdown',
    'Scope',
    'ShuttingDown',
    'budgetHeaders',
    'causeOf',
    'isCancellation',
    'readBudgetMs',
    'requestScope',
    'withTimeout',
  ],
  'request-scope/express': ['scopeOf', 'scopes'],
  'request-scope/fastify': ['default', 'scopeOf'],
  'request-scope/fetch': ['runInScope'],
  'request-scope/testing': ['causes', 'expectNothingLeft', 'openRequest'],
};

/** JavaScript that prints the exports of each entry. `require` adds a mark of its own to a default export. */
const PRINT =
  "console.log(entry, Object.keys(offered).filter((name) => name !== '__esModule').join());";
const LOADERS = {
  'import.mjs': `for (const entry of ${JSON.stringify(Object.keys(ENTRIES))}) {
    const offered = await import(entry);
    ${PRINT}
  }`,
  'require.cjs': `for (const entry of ${JSON.stringify(Object.keys(ENTRIES))}) {
    const offered = require(entry);
    ${PRINT}
  }`,
};

/** The output of LOADERS. */
export const OFFERED = Object.entries(ENTRIES)
  .map(([entry, names]) => `${entry} ${names}\n`)
  .join('');

/** TypeScript that uses every entry, with its framework if it has one. */
export const CONSUMER = `
import { createServer } from 'node:http';
import { createServer as createHttp2 } from 'node:http2';
import express from 'express';
import Fastify from 'fastify';
import * as root from 'request-scope';
import { GracefulShutdown, type Scope, type ScopeView } from 'request-scope';
import * as onExpress from 'request-scope/express';
import scopesOfFastify, * as onFastify from 'request-scope/fastify';
import { runInScope } from 'request-scope/fetch';
import { causes, expectNothingLeft, type OpenRequest, openRequest } from 'request-scope/testing';

class OutOfStock extends root.Cancellation {
  readonly code = 'out-of-stock';
}

const shutdown: GracefulShutdown = new GracefulShutdown();
const server = createServer((req, res) => {
  const scope: Scope = root.requestScope(req, res, { shutdown });
  const child: Scope = scope.child(scope.remainingMs);
  const called: Promise<number> = root.withTimeout(child, 10, async (view: ScopeView) => view.remainingMs);
  called.catch(() => {});
  const headers: Record<string, string> = root.budgetHeaders(child);
  const header: root.BudgetHeader[] = ['envoy', 'grpc'];
  const budgetMs: number = root.readBudgetMs(req.headers, { header }) + root.readBudgetMs(new Headers());
  const cause: root.Cancellation | undefined = root.causeOf(new OutOfStock(), scope);
  if (root.isCancellation(cause)) res.end(cause.code + headers[root.BUDGET_HEADER] + budgetMs);
  scope[Symbol.dispose]();
});
shutdown.attach(server);
shutdown.attach(server, { maxConnectionAgeMs: 5_000 });
shutdown.attach(createHttp2((req, res) => root.requestScope(req, res)[Symbol.dispose]()));
// @ts-expect-error nothing internal is public
export const internal = new root.Scope(1, () => {});
export const drained: Promise<void> = shutdown.drain(10);

export const app = express().use(onExpress.scopes({ shutdown, header: 'grpc' }), onExpress.scopes());
app.get('/', async (_req, res) => {
  const { signal }: Scope = onExpress.scopeOf(res);
  res.send(String(signal.aborted));
});

export const fastify = Fastify();
fastify.register(scopesOfFastify);
fastify.register(scopesOfFastify, {});
fastify.register(scopesOfFastify, { drainTimeoutMs: 1, shutdown });
fastify.get('/', async (_request, reply) => onFastify.scopeOf(reply).elapsedMs);
export const overHttp2 = Fastify({ http2: true });
overHttp2.register(scopesOfFastify, { shutdown });

const work = ({ signal }: Scope) => Response.json(signal.aborted);
export const answer: Promise<Response> = runInScope(new Request('http://here/'), work, { shutdown });

for (const cause of causes()) new root.Scope().abort(cause);
export const left: Promise<number> = expectNothingLeft(async () => {
  const request: OpenRequest = await openRequest(app, { path: '/' });
  await request.hangUp();
  return 1;
}, { listenersOf: [server, shutdown.signal] });
export const open: Promise<OpenRequest>[] = [openRequest(server), openRequest(fastify.server)];
`;

/** A consumer without a framework, whose types would load Node's. */
export const BARE_CONSUMER = `
import { Scope } from 'request-scope';
import { runInScope } from 'request-scope/fetch';
export const child: Disposable = new Scope(20).child(10);
export const answer = runInScope(new Request('http://here/'), () => new Response());
`;

export type Extension = 'mts' | 'cts' | 'ts';
export type Options = Record<string, unknown>;

/** Compiles a consumer in `folder`, library types included. Returns the errors of `tsc`: empty if there are none. */
export async function compile(
  { folder, tsc, consumer = CONSUMER }: { folder: string; tsc: string; consumer?: string },
  extension: Extension,
  options: Options,
): Promise<string> {
  const file = `consumer.${extension}`;
  const compilerOptions = { strict: true, noEmit: true, target: 'es2022', ...options };
  await writeFile(join(folder, file), consumer);
  await writeFile(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ compilerOptions, files: [file] }),
  );
  return await run(folder, process.execPath, tsc);
}

/** Runs one of LOADERS with `node` in `folder`. Returns its output. */
export async function load(folder: string, node: string, file: keyof typeof LOADERS) {
  await writeFile(join(folder, file), LOADERS[file]);
  return await run(folder, node, file);
}

/** The output of a command, with stderr. */
async function run(folder: string, ...[file = '', ...args]: string[]): Promise<string> {
  const { closed, output } = startCommand(file, args, {}, folder);
  await closed;
  return output();
}

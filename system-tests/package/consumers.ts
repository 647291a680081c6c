import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startCommand } from '../../harness/command.ts';

/** What each entry of the package offers. */
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
    'requestScope',
    'withTimeout',
  ],
  'request-scope/express': ['scopeOf', 'scopes'],
  'request-scope/fastify': ['default', 'scopeOf'],
  'request-scope/fetch': ['runInScope'],
};

/** JavaScript that prints what each entry offers; `require` adds a mark of its own to a default export. */
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

/** What they print. */
export const OFFERED = Object.entries(ENTRIES)
  .map(([entry, names]) => `${entry} ${names}\n`)
  .join('');

/** TypeScript that uses every entry, with a framework where there is one for it. */
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
  const cause: root.Cancellation | undefined = root.causeOf(new OutOfStock(), scope);
  if (root.isCancellation(cause)) res.end(cause.code + headers[root.BUDGET_HEADER]);
  scope[Symbol.dispose]();
});
shutdown.attach(server);
shutdown.attach(server, { maxConnectionAgeMs: 5_000 });
shutdown.attach(createHttp2((req, res) => root.requestScope(req, res)[Symbol.dispose]()));
// @ts-expect-error nothing internal is public
export const internal = new root.Scope(1, () => {});
export const drained: Promise<void> = shutdown.drain(10);

export const app = express().use(onExpress.scopes({ shutdown }), onExpress.scopes());
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
`;

/** One without a framework, whose types would bring Node's along. */
export const BARE_CONSUMER = `
import { Scope } from 'request-scope';
import { runInScope } from 'request-scope/fetch';
export const child: Disposable = new Scope(20).child(10);
export const answer = runInScope(new Request('http://here/'), () => new Response());
`;

export type Extension = 'mts' | 'cts' | 'ts';
export type Options = Record<string, unknown>;

/** What `tsc` says of a consumer in `folder`, library types included: nothing, if all is well. */
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

/** What the entries offer to each of LOADERS, run by `node` in `folder`. */
export async function load(folder: string, node: string, file: keyof typeof LOADERS) {
  await writeFile(join(folder, file), LOADERS[file]);
  return await run(folder, node, file);
}

/** What a command writes, to stderr too. */
async function run(folder: string, ...[file = '', ...args]: string[]): Promise<string> {
  const { closed, output } = startCommand(file, args, {}, folder);
  await closed;
  return output();
}

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
    'MAX_TIMER_MS',
    'Scope',
    'ShuttingDown',
    'budgetHeaders',
    'causeOf',
    'isCancellation',
    'readBudgetMs',
    'requestScope',
    'withTimeout',
  ],
  'request-scope/express': ['requestScopes', 'scopeOf'],
  'request-scope/fastify': ['requestScopes', 'scopeOf'],
  'request-scope/fetch': ['withScope'],
};

/** JavaScript that prints what each entry offers. */
const LOADERS = {
  'import.mjs': `for (const entry of ${JSON.stringify(Object.keys(ENTRIES))})
    console.log(entry, Object.keys(await import(entry)).join());`,
  'require.cjs': `for (const entry of ${JSON.stringify(Object.keys(ENTRIES))})
    console.log(entry, Object.keys(require(entry)).join());`,
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
import { GracefulShutdown, type Scope } from 'request-scope';
import * as onExpress from 'request-scope/express';
import * as onFastify from 'request-scope/fastify';
import { withScope } from 'request-scope/fetch';

class OutOfStock extends root.Cancellation {
  readonly code = 'out-of-stock';
}

const shutdown: GracefulShutdown = new GracefulShutdown();
const server = createServer((req, res) => {
  const scope: Scope = root.requestScope(req, res, shutdown);
  const child = root.withTimeout(scope, Math.min(root.MAX_TIMER_MS, root.readBudgetMs(req.headers)));
  const headers: Record<string, string> = root.budgetHeaders(child);
  const cause: root.Cancellation | undefined = root.causeOf(new OutOfStock(), scope);
  if (root.isCancellation(cause)) res.end(cause.code + headers[root.BUDGET_HEADER]);
  scope[Symbol.dispose]();
});
shutdown.attach(server);
shutdown.attach(createHttp2((req, res) => root.requestScope(req, res)[Symbol.dispose]()));
export const drained: Promise<void> = shutdown.drain(10);

export const app = express().use(onExpress.requestScopes(shutdown), onExpress.requestScopes());
app.get('/', async (_req, res) => {
  const { signal }: Scope = onExpress.scopeOf(res);
  res.send(String(signal.aborted));
});

export const fastify = Fastify();
fastify.register(onFastify.requestScopes);
fastify.register(onFastify.requestScopes, {});
fastify.register(onFastify.requestScopes, { drainTimeoutMs: 1, shutdown });
fastify.get('/', async (_request, reply) => onFastify.scopeOf(reply).elapsedMs);
export const overHttp2 = Fastify({ http2: true });
overHttp2.register(onFastify.requestScopes, { shutdown });

const work = ({ signal }: Scope) => Response.json(signal.aborted);
export const answer: Promise<Response> = withScope(new Request('http://here/'), work, shutdown);
`;

/** One without a framework, whose types would bring Node's along. */
export const BARE_CONSUMER = `
import { Scope, withTimeout } from 'request-scope';
import { withScope } from 'request-scope/fetch';
export const child: Disposable = withTimeout(new Scope(20), 10);
export const answer = withScope(new Request('http://here/'), () => new Response());
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

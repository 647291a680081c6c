import { startCommand } from '../../harness/command.ts';
import { scene } from '../support/scene.ts';
import { BUILD, callsBesideRequests } from './connect-example.ts';
import { postJson } from './post-json.ts';
import { BUN, DENO, type Runtime } from './runtimes.ts';
import { cutUpload, upload } from './uploads.ts';

/** An example that listens on `PORT`, and whose work is `buildReport` of examples/report.js. */
export interface ServedExample {
  /** Its path in the folder of the examples. */
  file: string;
  /** Its name, if one file is run in several ways. */
  name?: string;
  /** The command that runs it, in its own folder; `node` if not set. */
  command?: string[];
  /** What runs it in place of Node. */
  runtime?: Runtime;
  /** Asks for a report that takes `ms` milliseconds; with GET /report if not set. */
  ask?(url: string, ms: number, init: RequestInit): Promise<Response>;
  /** The status of an answer that came too late; 504 if not set. */
  lateStatus?: number;
  /** What that answer contains; "deadline exceeded" if not set. */
  lateText?: string;
  /** Why the work stopped then, as a pattern; "deadline exceeded" if not set. */
  lateCause?: string;
  /** The path of a stream without an end; it logs `<path> stopped: <cause>`. */
  endless?: string;
  /** Further tests; they run before the example is told to end. */
  more?(running: () => RunningExample): void;
}

/** The SDK ends its request by its own clock, unless the budget that it sent has passed at the model before. */
const WHOEVER_IS_FIRST = '(?:deadline exceeded|client disconnected)';

/** GraphQL answers with 200 and a code, since other fields of the same query may have a value. */
const GRAPHQL = {
  ask: (url, ms, init) => postJson(`${url}/graphql`, { query: `{ report(ms: ${ms}) }` }, init),
  lateStatus: 200,
  lateText: '"code":"DEADLINE_EXCEEDED"',
} satisfies Partial<ServedExample>;

/** The examples that need packages of their own: see examples/package.json. */
export const SERVED_EXAMPLES: ServedExample[] = [
  { file: 'express.js' },
  { file: 'express-4.js' },
  { file: 'fastify.js' },
  { file: 'koa.js', more: cutStream },
  ...nest('11', 'nest-11/main.ts'),
  ...nest('12', 'nest/main.ts'),
  { file: 'server-sent-events.js', lateStatus: 200, endless: '/clock' },
  { file: 'streaming-sdk.js', lateStatus: 200, lateCause: WHOEVER_IS_FIRST },
  { file: 'upload.js', ask: upload, more: cutUpload },
  { file: 'hono.js' },
  { file: 'h3.js' },
  {
    file: 'trpc.js',
    ask: (url, ms, init) => fetch(`${url}/report?input=${ms}`, init),
    lateText: '"code":"GATEWAY_TIMEOUT"',
  },
  { file: 'yoga.js', ...GRAPHQL },
  { file: 'apollo.js', ...GRAPHQL },
  {
    file: 'connect.js',
    ask: (url, ms, init) => postJson(url + BUILD, { ms }, init),
    lateText: '"code":"deadline_exceeded"',
    more: callsBesideRequests,
  },
  { file: 'bun.js', runtime: BUN },
  { file: 'deno.js', runtime: DENO },
];

/** Tests that the work behind a stream stops. */
function cutStream(running: () => RunningExample): void {
  scene('the client of a stream hangs up in the middle', 'its source stops', async () => {
    const { url, logged } = running();
    const { body } = await fetch(`${url}/stream?ms=60000`);
    await logged('work begun');
    await body?.cancel();
    await logged('work stopped: client disconnected');
    return 'client disconnected';
  });
}

/** Nest's example, on both of its adapters. */
function nest(version: string, file: string): ServedExample[] {
  return ['express', 'fastify'].map((adapter) => ({
    file,
    name: `Nest ${version} on ${adapter}`,
    command: [process.execPath, '--import', 'tsx', 'main.ts', adapter],
    endless: '/clock',
  }));
}

/** Starts an example. Resolves once it listens. */
export async function startExample([file = '', ...args]: string[], folder: string) {
  const { child, closed, output, seen } = startCommand(file, args, { PORT: '0' }, folder);
  let warnings = '';
  child.stderr.on('data', (text) => {
    warnings += text;
  });
  const port = await seen(/listening on port (\d+)/);
  let read = output().length;
  return {
    url: `http://127.0.0.1:${port}`,
    child,
    folder,
    /** Resolves with the exit code. */
    closed,
    /** Resolves when `text`, a pattern, is logged after what the last call has seen. */
    async logged(text: string): Promise<void> {
      const all = await seen(new RegExp(`^[^]{${read}}[^]*?${text}`));
      read = all.length;
    },
    /** What it wrote to stderr: warnings and errors. */
    warnings: () => warnings,
  };
}

export type RunningExample = Awaited<ReturnType<typeof startExample>>;

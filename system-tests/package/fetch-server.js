// A server on Bun or Deno whose handlers log why their scope aborts. SIGTERM drains it.
import { setTimeout as sleep } from 'node:timers/promises';
import { GracefulShutdown } from 'request-scope';
import { runInScope } from 'request-scope/fetch';

const DRAIN_MS = 300;

const shutdown = new GracefulShutdown();

async function* endless(signal) {
  for (;;) {
    yield new TextEncoder().encode('a part\n');
    await sleep(1, undefined, { signal });
  }
}

const handlers = {
  '/short': () => new Response('the report'),
  '/endless': (signal) => new Response(ReadableStream.from(endless(signal))),
  '/long': (signal) =>
    sleep(60_000, undefined, { signal }).catch(() => new Response('stopped', { status: 503 })),
  '/deaf': () => sleep(60_000, new Response()),
};

const answer = (request) =>
  runInScope(
    request,
    async ({ signal }) => {
      const { pathname } = new URL(request.url);
      signal.addEventListener('abort', () =>
        console.log(`${pathname} aborted: ${signal.reason.message}`),
      );
      console.log(`${pathname} begun`);
      return await handlers[pathname](signal);
    },
    { shutdown },
  );

const { Bun, Deno } = globalThis;
const server = Bun ? Bun.serve({ port: 0, fetch: answer }) : Deno.serve({ port: 0 }, answer);
console.log(`listening on port ${server.port ?? server.addr.port}`);

process.on('SIGTERM', async () => {
  const closed = Bun ? server.stop() : server.shutdown();
  await shutdown.drain(DRAIN_MS);
  await Promise.race([closed, sleep(1_000)]);
  process.exit(0);
});

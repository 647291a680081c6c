// Deno.serve: runInScope takes its web-standard Request. Run it with:
//   deno run --allow-env --allow-net --unstable-no-legacy-abort deno.js
import { setTimeout as sleep } from 'node:timers/promises';
import { causeOf, GracefulShutdown, withTimeout } from 'request-scope';
import { runInScope } from 'request-scope/fetch';
import { buildReport } from './report.js';

const shutdown = new GracefulShutdown();

async function answer(request, scope) {
  try {
    const ms = new URL(request.url).searchParams.get('ms') ?? undefined;
    const work = ({ signal }) => buildReport(signal, ms);
    return new Response(await withTimeout(scope, 5_000, work));
  } catch (error) {
    const cause = causeOf(error, scope);
    if (!cause) throw error;
    return new Response(cause.message, { status: cause.code === 'deadline-exceeded' ? 504 : 503 });
  }
}

const server = Deno.serve(
  {
    port: Number(Deno.env.get('PORT') ?? 3000),
    onListen: ({ port }) => console.log(`listening on port ${port}`),
  },
  (request) => runInScope(request, (scope) => answer(request, scope), { shutdown }),
);

Deno.addSignalListener('SIGTERM', async () => {
  const closed = server.shutdown(); // It accepts no new connection.
  await shutdown.drain(8_000);
  await Promise.race([closed, sleep(1_000)]); // The last bytes may still be on their way.
  Deno.exit(0);
});

import { subscribe } from 'node:diagnostics_channel';
import type { IncomingMessage } from 'node:http';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

// Loaded into each service process that the harness starts; no service imports it.

/** What keeps the event loop alive, by kind, and the heap after a collection. */
export interface Held {
  resources: Record<string, number>;
  heapBytes: number;
}

/** A request, as soon as it has arrived: its id, its path without the query, and when that was. */
export interface Arrival {
  arrived: string;
  path: string;
  time: number;
}

/** What is reported: an arrival, or what the harness asked for. */
export type Report = Arrival | Held;

const report = (message: Report) => process.send?.(message);

subscribe('http.server.request.start', (message) => {
  const { request } = message as { request: IncomingMessage };
  const [path = ''] = request.url?.split('?') ?? [];
  report({ arrived: String(request.headers['x-request-id']), path, time: Date.now() });
});

process.on('message', () => {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  const resources: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) {
    // A file that is being read is nothing that a request holds.
    if (!kind.startsWith('FSReq')) resources[kind] = (resources[kind] ?? 0) + 1;
  }
  report({ resources, heapBytes: process.memoryUsage().heapUsed });
});
process.channel?.unref();

import { subscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

// Loaded into each process under test: answers the bench's questions, and does nothing between them.

/** What the bench may ask for: the processor time so far, or what is held after a collection. */
export type Question = 'cpu' | 'holdings';

/** Processor time in microseconds (user and system, of all threads, from the operating system). */
export interface Cpu {
  cpuUs: number;
}

/** What a process holds; `sockets` are those of HTTP servers and of any client. */
export interface Holdings {
  residentBytes: number;
  heapBytes: number;
  sockets: number;
  timers: number;
  listeners: number;
}

const sockets = new Set<Socket>();
if (process.env.BENCH_FOLLOW_SOCKETS) {
  const follow = (message: unknown) => {
    const { socket } = message as { socket: Socket };
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  };
  subscribe('net.server.socket', follow);
  subscribe('net.client.socket', follow);
}

process.on('message', (question: Question) => {
  process.send?.(question === 'cpu' ? cpu() : holdings());
});
process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'));

function cpu(): Cpu {
  const { user, system } = process.cpuUsage();
  return { cpuUs: user + system };
}

function holdings(): Holdings {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc');
  collect();
  collect();
  const { rss, heapUsed } = process.memoryUsage();
  const resources = process.getActiveResourcesInfo();
  const count = (kind: RegExp) => resources.filter((resource) => kind.test(resource)).length;
  const listeners = [process, ...sockets].flatMap((emitter) =>
    emitter.eventNames().map((name) => emitter.listenerCount(name as string)),
  );
  return {
    residentBytes: rss,
    heapBytes: heapUsed,
    sockets: count(/^TCPSocketWrap$/),
    timers: count(/^Timeout$/),
    listeners: listeners.reduce((sum, each) => sum + each, 0),
  };
}

import { once } from 'node:events';
import { createServer } from 'node:net';
import { portOf } from './port-of.ts';

/** Ports for a server that cannot choose one itself; nobody else gets them before `release`. */
export async function reservePorts(howMany: number) {
  const servers = Array.from({ length: howMany }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const release = () =>
    Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return { ports: servers.map(portOf), release };
}

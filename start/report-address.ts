import { subscribe } from 'node:diagnostics_channel';
import { Server } from 'node:net';

// Loaded into each service that the launcher starts; no service imports it.

subscribe('tracing:net.server.listen:asyncEnd', (message) => {
  const server = typeof message === 'object' && message && 'server' in message && message.server;
  // Behind the service's own line that says so.
  if (server instanceof Server) setImmediate(() => process.send?.(server.address()));
});
// The launcher is gone, however it ended. An exit hook must not hold up what nobody watches any more.
const leave = () => process.kill(process.pid, 'SIGKILL');
process.once('disconnect', leave);
process.channel?.unref();
if (!process.connected) leave();

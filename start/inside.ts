import { subscribe } from 'node:diagnostics_channel';
import type { AddressInfo } from 'node:net';

// Loaded into each service that the launcher starts; the services know nothing of it.

subscribe('tracing:net.server.listen:asyncEnd', (message) => {
  const { server } = message as { server: { address: () => AddressInfo } };
  process.send?.(server.address());
});
// The launcher is gone, however it ended.
process.once('disconnect', () => process.exit(1));
process.channel?.unref();

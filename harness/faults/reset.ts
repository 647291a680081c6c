import { type Fault, standAlone, startFaulty } from '../faulty-server.ts';

/** Reads the request and resets the connection. */
export const reset: Fault = (socket) => {
  socket.resetAndDestroy();
};

await standAlone(import.meta.url, (port) => startFaulty(reset, port));

import { type Fault, standAlone, startFaulty } from '../faulty-server.ts';

/** Reads the request and closes the connection. */
export const leave: Fault = (socket) => {
  socket.end();
};

await standAlone(import.meta.url, (port) => startFaulty(leave, port));

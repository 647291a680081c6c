import { type Fault, head, standAlone, startFaulty } from '../faulty-server.ts';

/** Sends the headers and then nothing, for ever. */
export const stallAfterHeaders: Fault = (socket) => {
  socket.write(head('200 OK', 100));
};

await standAlone(import.meta.url, (port) => startFaulty(stallAfterHeaders, port));

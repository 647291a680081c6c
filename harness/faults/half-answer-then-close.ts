import { type Fault, head, standAlone, startFaulty } from '../faulty-server.ts';

/** Sends the headers and a part of the body, then closes the connection. */
export const halfAnswerThenClose: Fault = (socket) => {
  socket.end(`${head('200 OK', 100)}Product 12`);
};

await standAlone(import.meta.url, (port) => startFaulty(halfAnswerThenClose, port));

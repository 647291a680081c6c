import { type Fault, head, standAlone, startFaulty } from '../faulty-server.ts';

/** Sends the headers and a part of the body, then resets the connection. */
export const halfAnswerThenReset: Fault = (socket) => {
  socket.write(`${head('200 OK', 100)}Product 12`, () => socket.resetAndDestroy());
};

await standAlone(import.meta.url, (port) => startFaulty(halfAnswerThenReset, port));

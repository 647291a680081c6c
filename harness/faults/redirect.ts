import { type Fault, head, standAlone, startFaulty } from '../faulty-server.ts';

/** Redirects to itself, for ever. */
export const redirect: Fault = (socket) => {
  socket.end(head('302 Found', 0, 'Location: /again\r\n'));
};

await standAlone(import.meta.url, (port) => startFaulty(redirect, port));

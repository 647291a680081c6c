import { type Fault, head, standAlone, startFaulty } from '../faulty-server.ts';

const INTERVAL_MS = 20;

/** Sends the headers, then a byte of the body now and then, for ever. */
export const drip: Fault = (socket) => {
  socket.write(head('200 OK', 1_000_000));
  const timer = setInterval(() => socket.write('.'), INTERVAL_MS);
  socket.once('close', () => clearInterval(timer));
};

await standAlone(import.meta.url, (port) => startFaulty(drip, port));

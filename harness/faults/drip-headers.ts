import { type Fault, standAlone, startFaulty } from '../faulty-server.ts';

const INTERVAL_MS = 20;

/** Sends a byte of the headers now and then, for ever. */
export const dripHeaders: Fault = (socket) => {
  socket.write('HTTP/1.1 200 OK\r\nX-Drip: ');
  const timer = setInterval(() => socket.write('.'), INTERVAL_MS);
  socket.once('close', () => clearInterval(timer));
};

await standAlone(import.meta.url, (port) => startFaulty(dripHeaders, port));

import { type Fault, flood, standAlone, startFaulty } from '../faulty-server.ts';

/** Sends headers without end, as fast as they are read. */
export const floodHeaders: Fault = (socket) => {
  socket.write('HTTP/1.1 200 OK\r\n');
  flood(socket, 'X-Flood: more of the same\r\n'.repeat(1_000));
};

await standAlone(import.meta.url, (port) => startFaulty(floodHeaders, port));

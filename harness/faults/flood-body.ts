import { type Fault, flood, standAlone, startFaulty } from '../faulty-server.ts';

/** Sends a body without end, as fast as it is read. */
export const floodBody: Fault = (socket) => {
  socket.write('HTTP/1.1 200 OK\r\n\r\n');
  flood(socket, 'Product 1234 is available'.repeat(1_000));
};

await standAlone(import.meta.url, (port) => startFaulty(floodBody, port));

import { type Fault, flood, standAlone, startFaulty } from '../faulty-server.ts';

/** Sends informational answers without end and never the one that counts. */
export const floodHints: Fault = (socket) => {
  flood(socket, 'HTTP/1.1 103 Early Hints\r\nLink: </more>\r\n\r\n'.repeat(1_000));
};

await standAlone(import.meta.url, (port) => startFaulty(floodHints, port));

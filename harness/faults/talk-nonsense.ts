import { type Fault, standAlone, startFaulty } from '../faulty-server.ts';

/** Answers in another protocol. */
export const talkNonsense: Fault = (socket) => {
  socket.end('SSH-2.0-OpenSSH_9.2\r\n');
};

await standAlone(import.meta.url, (port) => startFaulty(talkNonsense, port));

import { type Fault, head, standAlone, startFaulty } from '../faulty-server.ts';

/** Answers 200, but not what was asked. */
export const saySomethingElse: Fault = (socket) => {
  const body = '<html>Welcome to the guest network</html>';
  socket.end(head('200 OK', body.length) + body);
};

await standAlone(import.meta.url, (port) => startFaulty(saySomethingElse, port));

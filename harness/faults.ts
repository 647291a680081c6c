import type { Socket } from 'node:net';

/** What a server at fault does with a connection, once the first bytes of a request are there. */
export type Fault = (socket: Socket) => void;

const DRIP_INTERVAL_MS = 20;

/** Resets the connection without an answer. */
export const reset: Fault = (socket) => {
  socket.resetAndDestroy();
};

/** Closes the connection without an answer. */
export const closeWithoutAnswer: Fault = (socket) => {
  socket.end();
};

/** Never answers. */
export const neverAnswer: Fault = () => {};

/** Sends the headers and a part of the body, then closes the connection. */
export const halfAnswerThenClose: Fault = (socket) => {
  socket.end(`${head('200 OK', 100)}Product 12`);
};

/** Sends the headers and a part of the body, then resets the connection. */
export const halfAnswerThenReset: Fault = (socket) => {
  socket.write(`${head('200 OK', 100)}Product 12`, () => socket.resetAndDestroy());
};

/** Sends the headers and then nothing, for ever. */
export const stallAfterHeaders: Fault = (socket) => {
  socket.write(head('200 OK', 100));
};

/** Sends the headers, then a byte of the body now and then, for ever. */
export const drip: Fault = (socket) => {
  socket.write(head('200 OK', 1_000_000));
  dripInto(socket);
};

/** Sends a byte of the headers now and then, for ever. */
export const dripHeaders: Fault = (socket) => {
  socket.write('HTTP/1.1 200 OK\r\nX-Drip: ');
  dripInto(socket);
};

/** Sends a body without end, as fast as it is read. */
export const floodBody: Fault = (socket) => {
  socket.write('HTTP/1.1 200 OK\r\n\r\n');
  flood(socket, 'Product 1234 is available'.repeat(1_000));
};

/** Sends headers without end, as fast as they are read. */
export const floodHeaders: Fault = (socket) => {
  socket.write('HTTP/1.1 200 OK\r\n');
  flood(socket, 'X-Flood: more of the same\r\n'.repeat(1_000));
};

/** Sends informational answers without end and never the one that counts. */
export const floodHints: Fault = (socket) => {
  flood(socket, 'HTTP/1.1 103 Early Hints\r\nLink: </more>\r\n\r\n'.repeat(1_000));
};

/** Answers in another protocol. */
export const answerInAnotherProtocol: Fault = (socket) => {
  socket.end('SSH-2.0-OpenSSH_9.2\r\n');
};

/** Answers 200, but not what was asked. */
export const answerWrongBody: Fault = (socket) => {
  const body = '<html>Welcome to the guest network</html>';
  socket.end(head('200 OK', body.length) + body);
};

/** Redirects to itself, for ever. */
export const redirect: Fault = (socket) => {
  socket.end(head('302 Found', 0, 'Location: /again\r\n'));
};

/** Answers at once with `status`, whatever was asked. */
export function answerStatus(status: number): Fault {
  return (socket) => socket.end(head(`${status} Because`, 0));
}

/** The start of an answer that promises `length` bytes of body. */
export function head(status: string, length: number, headers = ''): string {
  return `HTTP/1.1 ${status}\r\n${headers}Content-Length: ${length}\r\nConnection: close\r\n\r\n`;
}

function dripInto(socket: Socket): void {
  const timer = setInterval(() => socket.write('.'), DRIP_INTERVAL_MS);
  socket.once('close', () => clearInterval(timer));
}

/** Writes `chunk` without end, as fast as the other side reads. */
function flood(socket: Socket, chunk: string): void {
  const pour = () => {
    while (!socket.destroyed && socket.write(chunk));
  };
  socket.on('drain', pour);
  pour();
}

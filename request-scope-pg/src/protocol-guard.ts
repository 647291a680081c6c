import type { Duplex } from 'node:stream';

/** The largest message that is read from a server, in bytes: a row, or an error. */
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;

/** The types of messages that are lists of fields: ErrorResponse and NoticeResponse. */
const FIELD_LISTS = [...Buffer.from('EN')];

/**
 * Closes `stream` with a protocol error if its bytes are not PostgreSQL messages. Otherwise pg would throw in
 * its own `data` listener and crash the process.
 */
export function guardProtocol(stream: Duplex): void {
  const parse = stream.listeners('data').at(-1) as (bytes: Buffer) => void;
  const check = messageChecks();
  stream.off('data', parse);
  stream.on('data', (bytes: Buffer) => {
    try {
      check(bytes);
      parse(bytes);
    } catch (cause) {
      stream.destroy(protocolError(cause));
    }
  });
}

/** The error for bytes that PostgreSQL never sends. */
export function protocolError(cause?: unknown): Error {
  const error = new Error('the server does not speak the protocol of PostgreSQL', { cause });
  return Object.assign(error, { code: 'protocol' });
}

/**
 * Follows the messages, and throws where pg would never finish: it buffers a message of any length until it is
 * complete, and never stops reading an ErrorResponse that has no terminator.
 */
function messageChecks(): (bytes: Buffer) => void {
  const header = Buffer.alloc(5);
  let [seen, rest] = [0, 0];
  let body: Buffer[] | undefined;
  return (bytes) => {
    let at = 0;
    while (at < bytes.length) {
      if (seen < header.length) {
        header[seen] = bytes[at] ?? 0;
        seen += 1;
        at += 1;
        if (seen < header.length) continue;
        rest = header.readUInt32BE(1) - 4;
        if (rest < 0 || rest > MAX_MESSAGE_BYTES) throw new Error(`a message of ${rest} bytes`);
        body = FIELD_LISTS.includes(header[0] ?? 0) ? [] : undefined;
      }
      const part = bytes.subarray(at, at + rest);
      body?.push(part);
      rest -= part.length;
      at += part.length;
      if (rest > 0) return;
      seen = 0;
      if (body && !isTerminated(Buffer.concat(body)))
        throw new Error('an error without a terminator');
    }
  };
}

/** A field is a byte that is not 0, and a text that ends with 0. Another 0 ends the list. */
function isTerminated(body: Buffer): boolean {
  let at = 0;
  while (at < body.length && body[at] !== 0) {
    const end = body.indexOf(0, at + 1);
    if (end < 0) return false;
    at = end + 1;
  }
  return at < body.length;
}

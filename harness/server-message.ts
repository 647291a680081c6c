/** A message of a PostgreSQL server: its type, then its body after the length. */
export function serverMessage(type: string, ...body: (string | number[])[]): Buffer {
  const bytes = Buffer.concat(body.map((part) => Buffer.from(part as string)));
  const header = Buffer.alloc(5);
  header.write(type);
  header.writeInt32BE(bytes.length + 4, 1);
  return Buffer.concat([header, bytes]);
}

/** The ErrorResponse with which a server ends a connection. */
export function fatal(code: string, text: string): Buffer {
  return serverMessage('E', `SFATAL\0C${code}\0M${text}\0\0`);
}

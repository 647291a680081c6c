import type { OutgoingHttpHeader, ServerResponse } from 'node:http';

type Headers = Record<string, OutgoingHttpHeader | undefined> | unknown[];

/**
 * Makes the response say `Connection: close`, even where the application says `keep-alive` (as http-proxy
 * does), if it is the last one pending on its connection when its head is sent. Pipelined responses before it
 * keep the connection. Any other value that the application sets, such as `upgrade`, stays.
 */
export function closeWithAnswer(res: ServerResponse, pending: Set<unknown>): void {
  if (res.headersSent) return;
  const { writeHead } = res;
  const writeLastHead = (status: number, ...rest: unknown[]) => {
    const given = rest.at(-1);
    let headers = typeof given === 'object' && given !== null ? (given as Headers) : [];
    // Node accepts pairs only if setHeader was never called.
    if (Array.isArray(headers)) headers = headers.flat(Array.isArray(headers[0]) ? 1 : 0);
    const own = `${connectionIn(headers) ?? res.getHeader('connection') ?? 'keep-alive'}`;
    if (/keep-alive/i.test(own) && [...pending].at(-1) === res) {
      headers = withoutConnection(headers);
      res.setHeader('Connection', 'close');
    }
    const message = typeof rest[0] === 'string' ? [rest[0]] : [];
    return Reflect.apply(writeHead, res, [status, ...message, headers]);
  };
  res.writeHead = writeLastHead as typeof writeHead;
}

const isConnection = (name: unknown) => `${name}`.toLowerCase() === 'connection';

/** The value of the Connection header in `headers`, an object or a list of alternating names and values. */
function connectionIn(headers: Headers): unknown {
  if (!Array.isArray(headers)) {
    return Object.entries(headers).find(([name]) => isConnection(name))?.[1];
  }
  return headers.find((_, at) => at % 2 === 1 && isConnection(headers[at - 1]));
}

function withoutConnection(headers: Headers): Headers {
  if (!Array.isArray(headers)) {
    return Object.fromEntries(Object.entries(headers).filter(([name]) => !isConnection(name)));
  }
  return headers.filter((_, at) => !isConnection(headers[at - (at % 2)]));
}

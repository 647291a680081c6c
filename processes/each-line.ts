import type { Readable } from 'node:stream';

/** Calls `take` with each line of `stream`. */
export function eachLine(stream: Readable | null, take: (line: string) => void): void {
  let partial = '';
  // Not readline: it ends a line at U+2028 too, which a product may be called.
  stream?.setEncoding('utf8').on('data', (text: string) => {
    const lines = (partial + text).split('\n');
    partial = lines.pop() ?? '';
    for (const line of lines) take(line);
  });
}

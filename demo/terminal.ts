import { stripVTControlCharacters } from 'node:util';
import picocolors from 'picocolors';

/** Where CI is set, picocolors would colour a pipe too. */
const isColourful = process.stdout.isTTY === true && picocolors.isColorSupported;
export const colors = picocolors.createColors(isColourful);

/** Under these, lines are broken by the terminal. */
const MIN_COLUMNS = 56;
const MAX_COLUMNS = 110;
const REDRAW_MS = 100;

/** What of `process.stdout` is used. */
export type Output = Pick<NodeJS.WriteStream, 'isTTY' | 'columns'> & {
  write: (text: string) => unknown;
};

/** The columns to print in: the terminal's, or 80 in a pipe and where a terminal does not tell. */
export function printColumns({ isTTY, columns }: Output = process.stdout): number {
  return isTTY && columns > 0 ? Math.min(MAX_COLUMNS, Math.max(MIN_COLUMNS, columns)) : 80;
}

/**
 * Shows lines that change: on a terminal they are drawn again ten times a second, in a pipe only when the returned
 * function is called.
 */
export function showGrowing(
  draw: (now: number, columns: number) => string[],
  stdout: Output = process.stdout,
): () => void {
  let height = 0;
  const show = () => {
    const lines = draw(Date.now(), printColumns(stdout));
    const up = height > 0 ? `\u001b[${height}A` : '';
    const clear = isGrowing ? '\u001b[K' : '';
    stdout.write(up + lines.map((line) => `${line}${clear}\n`).join(''));
    height = lines.length;
  };
  const isGrowing = stdout.isTTY && process.env.TERM !== 'dumb' && stdout.columns >= MIN_COLUMNS;
  const timer = isGrowing ? setInterval(show, REDRAW_MS) : undefined;
  return () => {
    clearInterval(timer);
    show();
  };
}

/** Breaks text into lines of at most `columns`, the later ones indented like the first. */
export function wrap(text: string, columns: number): string {
  const [indent = ''] = /^ */.exec(text) ?? [];
  const lines = [indent];
  for (const word of text.trim().split(' ')) {
    const line = lines.at(-1) ?? '';
    const isFull = line !== indent && plainLength(line) + 1 + plainLength(word) > columns;
    if (isFull) lines.push(indent + word);
    else lines[lines.length - 1] = line === indent ? line + word : `${line} ${word}`;
  }
  return lines.join('\n');
}

const plainLength = (text: string) => stripVTControlCharacters(text).length;

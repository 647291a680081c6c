import { readFileSync } from 'node:fs';
import { ROOT } from '../../processes/repository.ts';
import type { SideName } from './side.ts';

/** A part of a source file, and the line of it that makes the difference. */
export interface CodeCard {
  side: SideName;
  file: string;
  /** The number of the first line in the file. */
  firstLine: number;
  lines: string[];
  /** The index in `lines`. */
  marked: number;
  /** What the marked line does, or fails to do. */
  note: string;
}

interface Place extends Pick<CodeCard, 'side' | 'file' | 'note'> {
  /** The part's first line begins with this, and its last line is the next one that is `to`. */
  from: string;
  to: string;
  /** The marked line contains this. */
  marked: string;
}

export const PLACES: readonly Place[] = [
  {
    side: 'usual',
    file: 'demo/as-usual/order-service.ts',
    from: "app.get('/order'",
    to: '});',
    marked: "await payment.post('/pay'",
    note: 'Nothing here hears that the caller has left, so payment-service cannot either.',
  },
  {
    side: 'ours',
    file: 'order-service/src/downstream/call.ts',
    from: 'export async function call(',
    to: '}',
    marked: 'http.request({ method, baseURL, url, signal',
    note: 'The signal closes the call when its caller leaves; the headers carry the time left.',
  },
];

/** Reads the cards from the sources as they are now. @throws {Error} if a place is not there any more. */
export function readCodeCards(): CodeCard[] {
  return PLACES.map((place) => cardOf(readFileSync(ROOT + place.file, 'utf8'), place));
}

/** The card of a place in `source`. @throws {Error} if it is not there. */
export function cardOf(source: string, { side, file, note, ...place }: Place): CodeCard {
  const all = source.split('\n');
  const begin = all.findIndex((line) => line.startsWith(place.from));
  const end = all.findIndex((line, index) => index > begin && line === place.to);
  const lines = begin < 0 ? [] : all.slice(begin, end + 1);
  const marked = lines.findIndex((line) => line.includes(place.marked));
  if (marked < 0) throw new Error(`${file}: no line has ${place.marked} after ${place.from}`);
  return { side, file, firstLine: begin + 1, lines, marked, note };
}

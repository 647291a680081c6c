import type { Response } from 'express';

export const OPERATION_HEADER = 'x-operation';

/** What a request asks for, and its answer is about: `check 1234`, `void order%201`. */
export function operation(name: string, subject: string): string {
  return `${name} ${encodeURIComponent(subject)}`;
}

/** Says on `res` which operation it answers: an id may be on the answers of several. */
export function nameOperation(res: Response, ...named: Parameters<typeof operation>): void {
  res.set(OPERATION_HEADER, operation(...named));
}

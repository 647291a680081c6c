import type { Response } from 'express';

export const OPERATION_HEADER = 'x-operation';

/** What a request asks for, such as `check 1234` or `void order%201`. */
export function operation(name: string, subject: string): string {
  return `${name} ${encodeURIComponent(subject)}`;
}

/** Names the operation on its answer, since different operations may share an id. */
export function nameOperation(res: Response, ...named: Parameters<typeof operation>): void {
  res.set(OPERATION_HEADER, operation(...named));
}

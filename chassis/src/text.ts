import type { RequestHandler, Response } from 'express';

/** An answer is text, unless its route says something else. */
export const plainText: RequestHandler = (_req, res, next) => {
  res.setHeader('Content-Type', 'text/plain; charset=utf-8');
  next();
};

/** Answers with one line of text; its line break keeps a shell's prompt off it. */
export function sendText(res: Response, text: string): void {
  res.send(`${text}\n`);
}

/** How many there are, in words: `1 void`, `2 voids`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { tether } from './tether.ts';

/** A curl under way. */
export interface Curl {
  ended: Promise<{ body: string; code: number | null; signal: NodeJS.Signals | null }>;
  /** Ctrl+C. */
  interrupt: () => void;
}

/** Runs the real curl. */
export function curl(...args: string[]): Curl {
  const child = tether(spawn('curl', args, { stdio: ['ignore', 'pipe', 'ignore'] }));
  const ended = Promise.all([text(child.stdout), once(child, 'close')]);
  return {
    ended: ended.then(([body, [code, signal]]) => ({ body, code, signal })),
    interrupt: () => child.kill('SIGINT'),
  };
}

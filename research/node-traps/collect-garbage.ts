import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { settled } from './raw-server.ts';

setFlagsFromString('--expose-gc');
const gc: unknown = runInNewContext('gc');

/** Runs the garbage collector until everything unreachable is collected. */
export async function collect(): Promise<void> {
  if (typeof gc !== 'function') throw new Error('V8 exposes no gc()');
  for (let round = 0; round < 3; round += 1) {
    // The target of a WeakRef that was read stays until the end of the turn.
    await settled();
    gc();
  }
  await settled();
}

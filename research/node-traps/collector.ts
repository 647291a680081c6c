import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { settled } from './wire.ts';

setFlagsFromString('--expose-gc');
const gc: unknown = runInNewContext('gc');

/** Runs the garbage collector until what can go is gone. */
export async function collect(): Promise<void> {
  if (typeof gc !== 'function') throw new Error('no garbage collector to call');
  for (let round = 0; round < 3; round += 1) {
    // What a WeakRef was asked for stays until the turn of the event loop ends.
    await settled();
    gc();
  }
  await settled();
}

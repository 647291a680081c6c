import type { TestProject } from 'vitest/node';
import { output } from '../../harness/command.ts';
import { SwarmStack } from '../../harness/swarm-stack.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Why there is no Swarm; empty if there is one. */
    missing: string;
  }
}

const LOOPBACK = ['--advertise-addr=127.0.0.1', '--listen-addr=127.0.0.1:2377'];

/** Puts the engine into Swarm mode, if necessary, and deploys. Resolves with a function that undoes both. */
export async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const state = await output(['docker', 'info', '--format', '{{.Swarm.LocalNodeState}}']).catch(
    () => 'unreachable',
  );
  const isOurs = state === 'inactive';
  if (isOurs) await output(['docker', 'swarm', 'init', ...LOOPBACK]);
  const hasSwarm = isOurs || state === 'active';
  provide('missing', hasSwarm ? '' : `no Docker Engine answers as a Swarm: ${state}`);
  const remove = async () => {
    if (hasSwarm) await SwarmStack.remove();
  };
  await remove(); // Left by a killed run.
  if (hasSwarm) await new SwarmStack().deploy('first');
  return async () => {
    await remove();
    if (isOurs) await output(['docker', 'swarm', 'leave', '--force']);
  };
}

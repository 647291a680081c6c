import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { programArgs, ROOT } from '../processes/repository.ts';
import type { ServiceName } from '../services.ts';
import { programVariables } from './environment.ts';
import { tether } from './tether.ts';

/** What is run as a service, by which Node, with which options before it. */
export interface Run {
  /** Without its `.ts`; the service's own unless given. */
  program?: string;
  node?: string;
  options?: readonly string[];
}

/** Starts the process of a service, which reports its activity and ends with this one at the latest. */
export function spawnService(
  name: ServiceName,
  env: Record<string, string>,
  run: Run,
): ChildProcess {
  const { program = `${name}/src/server`, node = process.execPath } = run;
  const options: SpawnOptions = {
    cwd: ROOT,
    env: programVariables({ PORT: '0', ...env }),
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    // In a process group of its own: a terminal's Ctrl+C reaches whoever has started it alone.
    detached: true,
  };
  const args = programArgs(program, 'harness/report-activity', run.options);
  return tether(spawn(node, args, options));
}

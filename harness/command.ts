import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { ROOT } from '../processes/repository.ts';
import { programVariables } from './environment.ts';
import { tether } from './tether.ts';

const run = promisify(execFile);

/** Resolves with a command's stdout as plain text. Rejects if it fails, with its stderr in the message. */
export async function output(
  [file = '', ...args]: readonly string[],
  {
    env = process.env,
    ...options
  }: { cwd?: string; env?: NodeJS.ProcessEnv; uid?: number; gid?: number } = {},
): Promise<string> {
  // Where CI is set, many tools colour a pipe too.
  const plain = { ...env, NO_COLOR: '1' };
  const { stdout } = await run(file, args, { maxBuffer: 64 * 1024 * 1024, ...options, env: plain });
  return stdout.trim();
}

/**
 * Starts a command with `env` and no other variable of this shell. `seen` resolves with the first match of a pattern
 * in its output, `closed` with its exit code.
 */
export function startCommand(
  file: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  cwd = ROOT,
) {
  const child = tether(spawn(file, args, { cwd, env: programVariables(env) }));
  const closed = once(child, 'close').then(([code]): number => code);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
      child.emit('output');
    });
  }
  const seen = async (pattern: RegExp): Promise<string> => {
    for (;;) {
      const found = pattern.exec(output);
      if (found) return found[1] ?? found[0];
      if (child.exitCode !== null || child.signalCode !== null)
        throw new Error(`ended without ${pattern}: ${output}`);
      await Promise.race([once(child, 'output'), closed]);
    }
  };
  return { child, closed, seen, output: () => output };
}

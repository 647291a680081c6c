import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** What a command writes to stdout. Rejects, with its stderr in the message, if it fails. */
export async function output(
  [file = '', ...args]: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<string> {
  const { stdout } = await run(file, args, { maxBuffer: 64 * 1024 * 1024, ...options });
  return stdout.trim();
}

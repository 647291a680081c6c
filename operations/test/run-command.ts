import { execFile } from 'node:child_process';
import { NO_VARIABLES, programArgs } from '../../processes/repository.ts';

/** Runs one of the commands, and resolves with its output and exit code. */
export async function runCommand(
  name: 'migrate' | 'retention' | 'reconcile',
  args: string[] = [],
  variables: Record<string, string> = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  const { PATH, NODE_COMPILE_CACHE } = process.env;
  const env = { PATH, NODE_COMPILE_CACHE, DOTENV_PATH: NO_VARIABLES, ...variables };
  return await new Promise((resolve, reject) => {
    const program = programArgs(`operations/${name}`);
    execFile(process.execPath, [...program, ...args], { env }, (error, stdout, stderr) => {
      const code = error ? error.code : 0;
      if (typeof code === 'number') resolve({ code, stdout, stderr });
      else reject(error);
    });
  });
}

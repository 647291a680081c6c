import { output } from '../../harness/command.ts';

/** A runtime other than Node, from its npm package. */
export interface Runtime {
  name: string;
  /** Its package, with the arguments that make it print the path of its binary. */
  printPath: string[];
  /** The arguments before the name of a program. */
  options: string[];
}

export const BUN: Runtime = {
  name: 'Bun 1.4',
  printPath: ['bun@1.4.5', '-e', 'console.log(process.execPath)'],
  options: [],
};

export const DENO: Runtime = {
  name: 'Deno 2.9',
  printPath: ['deno@2.9.6', 'eval', 'console.log(Deno.execPath())'],
  options: ['run', '--allow-env', '--allow-net', '--unstable-no-legacy-abort'],
};

/** The command that runs `program`; undefined if npm cannot install the runtime. */
export async function commandOn(
  { printPath, options }: Runtime,
  program: string,
): Promise<string[] | undefined> {
  const binary = await output(['npx', '-y', ...printPath]).catch(() => undefined);
  return binary ? [binary, ...options, program] : undefined;
}

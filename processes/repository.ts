import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** The folder of the repository. */
export const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** An empty file. Programs read it instead of the user's own `.env` files. */
export const NO_VARIABLES = fileURLToPath(new URL('no-variables.env', import.meta.url));

/** The options with which this Node runs TypeScript; Node 24 and later need none. */
export const LOADER = loaderOf(process.versions.node);

/** The options with which Node `version` runs TypeScript. */
export function loaderOf(version: string): string[] {
  return Number.parseInt(version, 10) >= 24 ? [] : ['--import', 'tsx'];
}

/** The folder into which a test run has transpiled the programs, on a Node that does not strip types. */
const { TRANSPILED } = process.env;

/**
 * Node's arguments to run `program` after importing `preload` (paths without `.ts`): the transpiled files if there
 * are any and no `options` are given, else the sources.
 */
export function programArgs(
  program: string,
  preload?: string,
  options?: readonly string[],
): string[] {
  const folder = options ? undefined : TRANSPILED;
  const file = (name: string) => (folder ? join(folder, `${name}.js`) : `${ROOT}${name}.ts`);
  const imports = preload ? ['--import', pathToFileURL(file(preload)).href] : [];
  return [...(folder ? [] : (options ?? LOADER)), ...imports, file(program)];
}

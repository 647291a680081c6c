import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** The folder of the repository. */
export const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** A file without variables: what is started here reads it in place of the `.env` files of whoever works here. */
export const NO_VARIABLES = fileURLToPath(new URL('no-variables.env', import.meta.url));

/** The options with which this Node runs TypeScript: from 24 on it strips types by itself. */
export const LOADER = loaderOf(process.versions.node);

/** The same for a Node of version `version`. */
export function loaderOf(version: string): string[] {
  return Number.parseInt(version, 10) >= 24 ? [] : ['--import', 'tsx'];
}

/** Where a run of the tests has the services as JavaScript, on a Node that does not strip types. */
const { TRANSPILED } = process.env;

/**
 * Node's arguments for a program of this repository behind `preload`, both without their `.ts`: as
 * it is transpiled, where it is, or its source behind `options`.
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

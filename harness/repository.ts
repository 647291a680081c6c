import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** The folder of the repository. */
export const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** The options with which this Node runs TypeScript: from 24 on it strips types by itself. */
export const LOADER = Number.parseInt(process.versions.node, 10) >= 24 ? [] : ['--import', 'tsx'];

/** Where a run of the tests has the services as JavaScript, on a Node that does not strip types. */
const { TRANSPILED } = process.env;

/** Node's arguments for a program of this repository behind `preload`: both without their `.ts`. */
export function programArgs(program: string, preload?: string): string[] {
  const file = (name: string) =>
    TRANSPILED ? join(TRANSPILED, `${name}.js`) : `${ROOT}${name}.ts`;
  const imports = preload ? ['--import', pathToFileURL(file(preload)).href] : [];
  return [...(TRANSPILED ? [] : LOADER), ...imports, file(program)];
}

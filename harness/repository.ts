import { fileURLToPath } from 'node:url';

/** The folder of the repository. */
export const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** The options with which this Node runs TypeScript: from 24 on it strips types by itself. */
export const LOADER = Number.parseInt(process.versions.node, 10) >= 24 ? [] : ['--import', 'tsx'];

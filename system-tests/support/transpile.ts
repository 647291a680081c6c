import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { build, type Plugin } from 'esbuild';
import { LOADER, ROOT } from '../../harness/repository.ts';

const PROGRAMS = [
  'order-service/src/server.ts',
  'inventory-service/src/server.ts',
  'payment-service/src/server.ts',
  'harness/report-activity.ts',
  'start/report-address.ts',
];

/** Leaves an import as it is, unless it is of ours (`@orders/…`, `#request-scope`, a path). */
const installed: Plugin = {
  name: 'installed',
  setup({ onResolve }) {
    onResolve({ filter: /^[a-z]/ }, () => ({ external: true }));
  },
};

/**
 * Transpiles the services once a run. Before Node 24 each process would do it anew, which is half of
 * the processor time that its start takes; from then on the sources run as they are.
 */
export async function setup(): Promise<(() => Promise<void>) | undefined> {
  if (LOADER.length === 0) return undefined;
  const folder = join(ROOT, `node_modules/.transpiled-${process.pid}`);
  await build({
    entryPoints: PROGRAMS.map((program) => join(ROOT, program)),
    outbase: ROOT,
    outdir: folder,
    bundle: true,
    plugins: [installed],
    format: 'esm',
    platform: 'node',
    target: 'node20',
  });
  process.env.TRANSPILED = folder;
  return () => rm(folder, { recursive: true });
}

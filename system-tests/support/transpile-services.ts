import { readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { build, type Plugin } from 'esbuild';
import type { TestProject } from 'vitest/node';
import { LOADER, ROOT } from '../../processes/repository.ts';
import { SERVICES } from '../../services.ts';

/** The programs that tests start, and what is loaded into them. */
const PROGRAMS = [
  ...SERVICES.map(({ name }) => `${name}-service/src/server.ts`),
  ...readdirSync(join(ROOT, 'demo/as-usual')).map((file) => `demo/as-usual/${file}`),
  'operations/migrate.ts',
  'operations/retention.ts',
  'operations/reconcile.ts',
  'processes/reporter.ts',
];

/** Bundles this repository's modules (`@orders/…`, `request-scope…`, paths), and no installed package. */
const installed: Plugin = {
  name: 'installed',
  setup({ onResolve }) {
    onResolve({ filter: /^[a-z]/ }, ({ path }) => ({
      external: !/^request-scope(-pg)?(\/|$)/.test(path),
    }));
  },
};

/**
 * Transpiles the programs once per run. Before Node 24, each start would transpile them again, which is
 * half of its CPU time. Later versions run the sources, and cache what they compile.
 */
export async function setup(project: TestProject) {
  process.env.NODE_COMPILE_CACHE ??= join(ROOT, 'node_modules/.cache/compiled');
  if (LOADER.length === 0) return undefined;
  const folder = join(ROOT, `node_modules/.transpiled-${process.pid}`);
  const transpile = async () => {
    await build({
      entryPoints: PROGRAMS.map((program) => join(ROOT, program)),
      outbase: ROOT,
      outdir: folder,
      bundle: true,
      splitting: true,
      plugins: [installed],
      format: 'esm',
      platform: 'node',
      target: 'node20',
    });
  };
  await transpile();
  project.onTestsRerun(transpile);
  process.env.TRANSPILED = folder;
  return () => rm(folder, { recursive: true });
}

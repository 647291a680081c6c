// Writes the manifest of what is published of the package in the working directory, which is its dist/ alone: in this
// repository `exports` names the sources.
import { cpSync, readFileSync, writeFileSync } from 'node:fs';

const manifest = JSON.parse(readFileSync('package.json', 'utf8'));
const { scripts: _, devDependencies: __, exports: sources, ...rest } = manifest;

const entries = Object.entries(sources).map(([entry, source]) => {
  const path = source.replace('./src/', './').replace(/\.ts$/, '');
  return [entry, { types: `${path}.d.ts`, default: `${path}.js` }];
});
const exports = { ...Object.fromEntries(entries), './package.json': './package.json' };
const [, ...subpaths] = entries;
const published = {
  ...rest,
  main: exports['.'].default,
  types: exports['.'].types,
  exports,
  // For TypeScript's older ways to resolve a module, which do not read `exports`.
  typesVersions: {
    '*': Object.fromEntries(subpaths.map(([entry, { types }]) => [entry.slice(2), [types]])),
  },
};
writeFileSync('dist/package.json', `${JSON.stringify(published, null, 2)}\n`);
for (const page of ['README.md', 'CHANGELOG.md', 'LICENSE']) cpSync(page, `dist/${page}`);

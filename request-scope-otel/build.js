// The manifest of what is published, which is dist/ alone: in this repository `exports` names the sources.
import { cpSync, readFileSync, writeFileSync } from 'node:fs';

const here = (file) => new URL(file, import.meta.url);
const manifest = JSON.parse(readFileSync(here('package.json'), 'utf8'));
const { scripts: _, devDependencies: __, ...rest } = manifest;

const main = './index.js';
const types = './index.d.ts';
const exports = { '.': { types, default: main }, './package.json': './package.json' };
const published = { ...rest, main, types, exports, sideEffects: false };
writeFileSync(here('dist/package.json'), `${JSON.stringify(published, null, 2)}\n`);
for (const page of ['README.md', 'CHANGELOG.md', 'LICENSE'])
  cpSync(here(page), here(`dist/${page}`));

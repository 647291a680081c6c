import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { expect, test } from 'vitest';

/** The bytes of what a bundler adds to an application for `names`, minified and compressed with gzip. */
async function gzippedBytes(...names: string[]): Promise<number> {
  const ofExpress = names.filter((name) => name.startsWith('scope'));
  const others = names.filter((name) => !name.startsWith('scope'));
  const contents = `
    export { ${ofExpress} } from 'request-scope/express';
    export { ${others} } from 'request-scope';
  `;
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: import.meta.dirname },
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    platform: 'node',
    target: 'node20',
  });
  const [bundle] = outputFiles;
  if (!bundle) throw new Error('esbuild has made nothing');
  return gzipSync(bundle.contents, { level: 9 }).length;
}

const HANDLER = ['scopes', 'scopeOf', 'causeOf'];
const CALLS = ['withTimeout', 'budgetHeaders', 'DeadlineExceeded'];

test.each([
  ["the README's handler", HANDLER, 3_000],
  ['one that makes calls', [...HANDLER, ...CALLS], 4_000],
  ['the same, with a drain', [...HANDLER, ...CALLS, 'GracefulShutdown'], 5_000],
])('with Express, the code of %s is small', async (_what, names, maxBytes) => {
  expect(await gzippedBytes(...names)).toBeLessThan(maxBytes);
});

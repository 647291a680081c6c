// Runs a TypeScript file of this repository: node run.js <file> [arguments]. Without a file it only
// looks whether the dependencies are there. Plain JavaScript, since it is what finds them missing.
import { existsSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const [, , file] = process.argv;

if (!existsSync(new URL('node_modules/tsx', import.meta.url))) {
  process.stderr.write('node_modules is missing: run npm ci first\n');
  process.exitCode = 1;
} else if (file) {
  process.argv.splice(1, 1);
  // Node strips types by itself from 24 on.
  if (Number.parseInt(process.versions.node, 10) < 24) (await import('tsx/esm/api')).register();
  await import(pathToFileURL(file).href);
}

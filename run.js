// Runs a TypeScript file of this repository: node run.js <file> [arguments]. Without a file it only looks
// whether this Node and the installed dependencies will do. Any Node since 13.2 must be able to read
// this file, to be told that it is too old.

const [major, minor] = process.versions.node.split('.').map(Number);
const needed = major < 21 ? [20, 19] : [22, 12];

if (major < needed[0] || (major === needed[0] && minor < needed[1])) {
  refuse(`Node ${needed.join('.')} or later is needed, this is ${process.version}`);
} else {
  run(process.argv[2]);
}

async function run(file) {
  const { existsSync } = await import('node:fs');
  const isThere = (path) => existsSync(new URL(path, import.meta.url));
  if (!isThere('node_modules')) {
    refuse('node_modules is missing: run npm ci first');
  } else if (!isThere('node_modules/tsx') || !isThere('node_modules/request-scope')) {
    // Installed without its development dependencies, or by pnpm, which needs a file of its own for workspaces.
    refuse('node_modules is not complete: run npm ci --include=dev, with npm and no other');
  } else if (file) {
    const { pathToFileURL } = await import('node:url');
    process.argv.splice(1, 1);
    // Node strips types by itself from 24 on.
    if (major < 24) (await import('tsx/esm/api')).register();
    await import(pathToFileURL(file).href);
  }
}

function refuse(message) {
  process.stderr.write(`${message}\n`);
  process.exitCode = 1;
}

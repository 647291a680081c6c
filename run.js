// Runs a TypeScript file of this repository: node run.js <file> [arguments]. Without a file it only checks
// the Node version and the installed dependencies. Node 13.2 and later must be able to parse this file, so
// that it can report an old version.

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
    // Installed without development dependencies, or by pnpm, which does not read package.json's workspaces.
    refuse('node_modules is not complete: run npm ci --include=dev, not another package manager');
  } else if (file) {
    const { pathToFileURL } = await import('node:url');
    process.argv.splice(1, 1);
    // Node 24 and later strip types themselves.
    if (major < 24) (await import('tsx/esm/api')).register();
    await import(pathToFileURL(file).href);
  }
}

function refuse(message) {
  process.stderr.write(`${message}\n`);
  process.exitCode = 1;
}

import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { parseArgs, promisify } from 'node:util';
import type { Report } from './all-traps.ts';
import { page } from './page.ts';

/** For each release line: the newest version, and the versions around each change. */
const VERSIONS = [
  ['20'],
  ['22.15.1', '22.16.0', '22'],
  ['24.0.0', '24.4.1', '24.5.0', '24.15.0', '24.16.0', '24.19.0', '24.20.0', '24'],
  ['26.0.0', '26.1.0', '26.3.1', '26.4.0', '26.6.0', '26.7.0', '26.9.0', '26'],
];

const USAGE = `Generates docs/node-versions.md: runs the traps on ${VERSIONS.flat().length} versions of Node,
which npx installs. Takes a few minutes.

  npm run traps:write
`;

const ROOT = new URL('../../', import.meta.url);
const PAGE = new URL('docs/node-versions.md', ROOT);
const SCRIPT = ['run.js', 'research/node-traps/traps.ts', '--json'];

const run = promisify(execFile);

try {
  const { values } = parseArgs({ options: { help: { type: 'boolean', short: 'h' } } });
  if (values.help) process.stdout.write(USAGE);
  else await write();
} catch (error) {
  process.stderr.write(`traps:write: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}

async function check(version: string): Promise<Report> {
  process.stderr.write(`Node ${version}\n`);
  const { stdout } = await run('npx', ['-y', `node@${version}`, ...SCRIPT], { cwd: ROOT });
  return JSON.parse(stdout);
}

async function write(): Promise<void> {
  const lines: Report[][] = [];
  for (const versions of VERSIONS) {
    const reports: Report[] = [];
    for (const version of versions) reports.push(await check(version));
    lines.push(reports);
  }
  await mkdir(new URL('.', PAGE), { recursive: true });
  await writeFile(PAGE, page(lines));
}

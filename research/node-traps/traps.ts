import { parseArgs } from 'node:util';
import { checkTrap, checkTraps, TRAPS } from './all-traps.ts';
import type { Finding } from './trap.ts';

const USAGE = `Tries the traps that Node sets for requests that end early: Node alone, then the
same situation with the package request-scope. Takes a few seconds.

  npm run traps
  npm run traps -- --json    print one line of JSON at the end

docs/node-versions.md has the results of many versions of Node.
`;

// The reader has closed the pipe, as `head` does.
process.stdout.once('error', () => process.exit(1));
const print = (text: string) => process.stdout.write(`${text}\n`);

try {
  const json = { type: 'boolean' } as const;
  const help = { type: 'boolean', short: 'h' } as const;
  const { values } = parseArgs({ options: { json, help } });
  if (values.help) process.stdout.write(USAGE);
  else if (values.json) print(JSON.stringify(await checkTraps()));
  else await show();
} catch (error) {
  process.stderr.write(`traps: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}

/** Prints each trap as soon as it was tried. A table would be too wide for a terminal. */
async function show(): Promise<void> {
  const alone = `Node ${process.versions.node} alone`;
  const ours = 'with request-scope'.padEnd(alone.length);
  for (const trap of TRAPS) {
    const found = await checkTrap(trap);
    print(trap.name);
    print(`  ${alone.padEnd(ours.length)}  ${inWords(found.node)}`);
    print(`  ${ours}  ${inWords(found.ours)}`);
    const issues = trap.issues.map((issue) => `nodejs/node#${issue}`).join(', ');
    print(issues && `  ${issues}\n`);
  }
}

function inWords({ verdict, saw }: Finding): string {
  return verdict === 'n/a' ? verdict : `${verdict}: ${saw}`;
}

// Reads the options, and installs the peers on first use: nothing else in the repository needs them.
import { execSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';

const USAGE = `Measures, and writes the tables into bench/RESULTS.md.

  npm run bench                  order-service beside its peers
  npm run bench -- --goodput     inventory-service when more is asked for than its database can do (10 min)
  npm run bench -- --durable     what an order costs with PostgreSQL, beside in memory
  … --quick                      less of it, and RESULTS.md stays

The last two need PostgreSQL's binaries on this machine, and run a server of their own.
`;

try {
  const flag = { type: 'boolean', default: false };
  const help = { type: 'boolean', short: 'h' };
  const { values } = parseArgs({ options: { quick: flag, goodput: flag, durable: flag, help } });
  if (values.goodput && values.durable) throw new Error('--goodput or --durable, not both');
  if (values.help) process.stdout.write(USAGE);
  else await run(values);
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}

async function run({ quick, goodput, durable }) {
  if (!existsSync(new URL('node_modules', import.meta.url))) {
    process.stderr.write('bench: installing its peers, on first use\n');
    execSync('npm ci --loglevel=error', { cwd: new URL('.', import.meta.url), stdio: 'inherit' });
  }
  if (goodput) await (await import('./src/goodput.ts')).runGoodput(quick);
  else if (durable) await (await import('./src/durable.ts')).runDurable(quick);
  else await (await import('./src/main.ts')).runBench(quick);
}

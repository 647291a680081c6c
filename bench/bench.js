// Reads the options, and installs the peers on first use: nothing else in the repository needs them.
import { execSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';

const USAGE = `Measures, and writes the tables into bench/RESULTS.md.

  npm run bench                  order-service beside its peers
  npm run bench -- --goodput     inventory-service when more is asked for than
                                 its database can do (10 min)
  npm run bench -- --durable     what an order costs with PostgreSQL, beside in
                                 memory
  npm run bench -- --replicas    how that grows with replicas and with orders in
                                 flight (4 min)
  … --quick                      less of it, and RESULTS.md stays

The last three need PostgreSQL's binaries on this machine, and run a server of
their own.
`;

try {
  const flag = { type: 'boolean', default: false };
  const help = { type: 'boolean', short: 'h' };
  const kinds = { goodput: flag, durable: flag, replicas: flag };
  const { values } = parseArgs({ options: { quick: flag, ...kinds, help } });
  const chosen = Object.keys(kinds).filter((kind) => values[kind]);
  if (chosen.length > 1 && !values.help) throw new Error(`--${chosen.join(' or --')}, not both`);
  if (values.help) process.stdout.write(USAGE);
  else await run(values);
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}

async function run({ quick, goodput, durable, replicas }) {
  if (!existsSync(new URL('node_modules', import.meta.url))) {
    process.stderr.write('bench: installing its peers, on first use\n');
    execSync('npm ci --loglevel=error', { cwd: new URL('.', import.meta.url), stdio: 'inherit' });
  }
  if (goodput) await (await import('./src/goodput.ts')).runGoodput(quick);
  else if (durable) await (await import('./src/durable.ts')).runDurable(quick);
  else if (replicas) await (await import('./src/replicas.ts')).runReplicas(quick);
  else await (await import('./src/main.ts')).runBench(quick);
}

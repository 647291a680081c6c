// Reads the options, and installs the peers on first use: nothing else in the repository needs them.
import { execSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';

const USAGE = 'npm run bench [-- --quick]   fewer orders, and RESULTS.md stays\n';

try {
  const quick = { type: 'boolean', default: false };
  const help = { type: 'boolean', short: 'h' };
  const { values } = parseArgs({ options: { quick, help } });
  if (values.help) process.stdout.write(USAGE);
  else await run(values.quick);
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}

async function run(quick) {
  if (!existsSync(new URL('node_modules', import.meta.url))) {
    process.stderr.write('bench: installing its peers, on first use\n');
    execSync('npm ci --loglevel=error', { cwd: new URL('.', import.meta.url), stdio: 'inherit' });
  }
  const { runBench } = await import('./src/main.ts');
  await runBench(quick);
}

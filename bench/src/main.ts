import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { CONTENDERS, type Contender, NAMES } from './contenders.ts';
import { cancellations, inFlight, load } from './measure.ts';
import { OrderProcess } from './order-process.ts';
import { report } from './report.ts';
import { Results } from './results.ts';
import { soak } from './soak.ts';
import { Stub } from './stub.ts';

const { quick } = readOptions();
const PLAN = quick
  ? { warmUp: 2_000, rounds: 3, orders: 1_000, hangUps: 100, freshRounds: 1, soak: 0 }
  : { warmUp: 6_000, rounds: 9, orders: 2_500, hangUps: 200, freshRounds: 3, soak: 200_000 };

const RESULTS_FILE = new URL('../RESULTS.md', import.meta.url);
const startedAt = performance.now();
const results = new Results();
using stub = new Stub();
const stubUrl = await stub.listen();

await underLoad();
await inFreshProcesses();
if (PLAN.soak > 0) progress(`${PLAN.soak} orders, every third cancelled`);
const soaked = PLAN.soak > 0 ? await soak(stub, stubUrl, PLAN.soak) : [];
progress('');

const text = report(results, soaked);
process.stdout.write(`${text}\n`);
if (!quick)
  writeFileSync(RESULTS_FILE, `# Results\n\n\`npm run bench\`, the last run:\n\n${text}\n`);
if (results.failures.size > 0 || text.includes('missed')) process.exitCode = 1;

function readOptions(): { quick: boolean } {
  try {
    const quick = { type: 'boolean', default: false } as const;
    const help = { type: 'boolean', short: 'h' } as const;
    const { values } = parseArgs({ options: { quick, help } });
    if (!values.help) return { quick: values.quick };
    process.stdout.write('npm run bench [-- --quick]   fewer orders, and RESULTS.md stays\n');
    process.exit(0);
  } catch (error) {
    process.stderr.write(`bench: ${error instanceof Error ? error.message : error}\n`);
    process.exit(1);
  }
}

async function underLoad(): Promise<void> {
  const running = new Map<Contender, OrderProcess>();
  try {
    for (const name of NAMES) {
      progress(`warming up ${name}`);
      const contender = await OrderProcess.start(CONTENDERS[name], stubUrl);
      running.set(name, contender);
      await load(contender, PLAN.warmUp);
    }
    for (let round = 1; round <= PLAN.rounds; round += 1) {
      for (const [name, contender] of running) {
        progress(`round ${round} of ${PLAN.rounds} under load: ${name}`);
        await results.add(name, async () => ({
          ...(await load(contender, PLAN.orders)),
          ...(await cancellations(contender, stub, PLAN.hangUps)),
        }));
      }
    }
  } finally {
    for (const contender of running.values()) await contender[Symbol.asyncDispose]();
  }
}

async function inFreshProcesses(): Promise<void> {
  for (let round = 1; round <= PLAN.freshRounds; round += 1) {
    for (const name of NAMES) {
      progress(`round ${round} of ${PLAN.freshRounds} in fresh processes: ${name}`);
      await results.add(name, async () => {
        await using contender = await OrderProcess.start(CONTENDERS[name], stubUrl);
        return await inFlight(contender, stub);
      });
    }
  }
}

function progress(what: string): void {
  const seconds = Math.round((performance.now() - startedAt) / 1_000);
  if (what && process.stderr.isTTY) process.stderr.write(`\r\x1b[K${seconds} s  ${what}`);
  else if (what) process.stderr.write(`${seconds} s  ${what}\n`);
  else if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
}

import { CONTENDERS, type Contender, NAMES } from './contenders.ts';
import { leaving } from './leaving.ts';
import { cancellations, inFlight, load } from './measure.ts';
import { MeasuredProcess } from './measured-process.ts';
import { progress } from './progress.ts';
import { Results } from './results.ts';
import { record } from './results-file.ts';
import { scopeOverhead } from './scope-overhead.ts';
import { soak } from './soak.ts';
import { Stub } from './stub.ts';
import { tables } from './tables.ts';
import { telemetryOverhead } from './telemetry-overhead.ts';

const QUICK = {
  processes: 1,
  warmUp: 2_000,
  rounds: 3,
  orders: 1_000,
  hangUps: 100,
  freshRounds: 1,
  soak: 0,
};
const FULL = {
  /** How many of each contender, one after another: two processes of the same program differ by up to 15%. */
  processes: 5,
  /** The orders before the first round. The time per order falls until then. */
  warmUp: 20_000,
  rounds: 3,
  orders: 2_500,
  hangUps: 200,
  freshRounds: 3,
  soak: 200_000,
};
type Plan = typeof FULL;

const results = new Results();

/** Measures all contenders and prints the tables; `quick` places fewer orders. */
export async function runBench(quick: boolean): Promise<void> {
  const plan = quick ? QUICK : FULL;
  using stub = new Stub();
  const stubUrl = await stub.listen();
  for (let n = 1; n <= plan.processes; n += 1) await underLoad(plan, stub, stubUrl, n);
  await inFreshProcesses(plan, stub, stubUrl);
  if (plan.soak > 0) progress(`${plan.soak} orders, every third canceled`);
  const soaked = plan.soak > 0 ? await soak(stub, stubUrl, plan.soak) : [];
  const crowds = await leaving(stub, stubUrl, plan.freshRounds);
  progress('the cost of a scope');
  const overhead = await scopeOverhead(plan.freshRounds * 2 + 1, plan.orders * 4);
  progress('the cost of telemetry');
  const telemetry = await telemetryOverhead(stubUrl, plan.freshRounds * 2 + 1, plan.orders);
  progress('');
  const text = `${tables(results, soaked)}\n\n${crowds}\n\n${overhead}\n\n${telemetry}`;
  process.stdout.write(`${text}\n`);
  if (!quick) record('npm run bench', text);
  if (results.failures.size > 0 || text.includes('missed')) process.exitCode = 1;
}

/** The rounds of process `number` of each contender. */
async function underLoad(plan: Plan, stub: Stub, stubUrl: string, number: number): Promise<void> {
  const running = new Map<Contender, MeasuredProcess>();
  try {
    for (const name of NAMES) {
      progress(`warming up ${name}, process ${number} of ${plan.processes}`);
      const contender = await MeasuredProcess.start(CONTENDERS[name], stubUrl);
      running.set(name, contender);
      // The first hang-ups slow down what was compiled without them.
      await load(contender, plan.warmUp / 2);
      await cancellations(contender, stub, plan.hangUps);
      await load(contender, plan.warmUp / 2);
    }
    for (let round = 1; round <= plan.rounds; round += 1) {
      for (const [name, contender] of running) {
        progress(`round ${round} of ${plan.rounds} of process ${number} under load: ${name}`);
        await results.add(name, async () => ({
          ...(await load(contender, plan.orders)),
          ...(await cancellations(contender, stub, plan.hangUps)),
        }));
      }
    }
  } finally {
    for (const contender of running.values()) await contender[Symbol.asyncDispose]();
  }
}

async function inFreshProcesses(plan: Plan, stub: Stub, stubUrl: string): Promise<void> {
  for (let round = 1; round <= plan.freshRounds; round += 1) {
    for (const name of NAMES) {
      progress(`round ${round} of ${plan.freshRounds} in fresh processes: ${name}`);
      await results.add(name, async () => {
        await using contender = await MeasuredProcess.start(CONTENDERS[name], stubUrl);
        return await inFlight(contender, stub);
      });
    }
  }
}

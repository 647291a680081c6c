import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestProject } from 'vitest/node';
import { output } from '../../harness/command.ts';
import { KubernetesStack } from '../../harness/kubernetes-stack.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Why there is no cluster for the tests; empty if there is one. */
    missing: string;
    /** Patient orders per second. */
    perSecond: number;
  }
}

/** Rates that are tried, in patient orders per second: the first that leaves a third of the cores idle is taken. */
const RATES = [50, 25, 12, 6];
const RAMP_MS = 15_000;
const MEASURED_MS = 10_000;

/** Why pods with images of this machine's Docker Engine do not run elsewhere. */
const NO_IMAGE = /ErrImagePull|ImagePullBackOff|ErrImageNeverPull/;

/** Deploys, and finds out how many orders the machine carries. Resolves with a function that removes it all. */
export async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const missing = await whatIsMissing();
  provide('missing', missing);
  provide('perSecond', 0);
  if (missing) return async () => {};
  await KubernetesStack.remove(); // Left by a killed run.
  await using stack = await KubernetesStack.connect();
  try {
    await stack.deploy('first');
    await stack.startCallers('orders/order-service:first');
    provide('perSecond', await rateFor(stack));
  } catch (error) {
    if (!NO_IMAGE.test(String(error))) throw error;
    provide('missing', "the cluster does not have the images of this machine's Docker Engine");
  }
  return () => KubernetesStack.remove();
}

/** Only a cluster that KUBECONFIG names: the one of a user's own configuration may be in production. */
async function whatIsMissing(): Promise<string> {
  if (!process.env.KUBECONFIG) return 'KUBECONFIG names no cluster';
  for (const command of [
    ['docker', 'info'],
    ['kubectl', 'get', 'nodes', '--request-timeout=10s'],
  ]) {
    const problem = await output(command).then(
      () => '',
      (error) => `${command.join(' ')}: ${error.message.trim().split('\n').at(-1)}`,
    );
    if (problem) return problem;
  }
  return '';
}

async function rateFor(stack: KubernetesStack): Promise<number> {
  for (const perSecond of RATES) {
    await using load = stack.load();
    await load.start(perSecond);
    await sleep(RAMP_MS);
    const idle = await idleShare(MEASURED_MS);
    await load.stop();
    const percent = Math.round(idle * 100);
    process.stderr.write(`${perSecond} orders per second leave ${percent}% of the cores idle\n`);
    if (idle >= 1 / 3) return perSecond;
  }
  return RATES.at(-1) as number;
}

/** The share of this machine's cores that is idle for `ms`. With a cluster elsewhere this says nothing. */
async function idleShare(ms: number): Promise<number> {
  const before = cpus();
  await sleep(ms);
  let [idle, all] = [0, 0];
  for (const [index, { times }] of cpus().entries()) {
    for (const [kind, time] of Object.entries(times)) {
      const spent = time - (before[index]?.times[kind as keyof typeof times] ?? 0);
      all += spent;
      if (kind === 'idle') idle += spent;
    }
  }
  return idle / all;
}

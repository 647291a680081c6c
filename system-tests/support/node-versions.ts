import { output } from '../../harness/command.ts';
import type { Run } from '../../harness/service-process.ts';
import { loaderOf } from '../../processes/repository.ts';

/** Options that run a service with telemetry on Node `major`; undefined if npm cannot install that Node. */
export async function runWithTelemetry(major: string): Promise<Run | undefined> {
  const options = [...loaderOf(major), '--import', '@orders/telemetry'];
  if (process.versions.node.startsWith(`${major}.`)) return { options };
  const npx = ['npx', '-y', `node@${major}`, '-p', 'process.execPath'];
  const node = await output(npx).catch(() => undefined);
  return node === undefined ? undefined : { node, options };
}

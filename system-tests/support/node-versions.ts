import { output } from '../../harness/command.ts';
import type { Run } from '../../harness/service-process.ts';
import { loaderOf } from '../../processes/repository.ts';

/** How Node `major` runs a service with telemetry; undefined where npm cannot install that Node. */
export async function runWithTelemetry(major: string): Promise<Run | undefined> {
  const options = [...loaderOf(major), '--import', '@orders/telemetry'];
  if (process.versions.node.startsWith(`${major}.`)) return { options };
  const npx = ['npx', '-y', `node@${major}`, '-p', 'process.execPath'];
  const node = await output(npx).catch(() => undefined);
  return node === undefined ? undefined : { node, options };
}

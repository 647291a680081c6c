import { output } from './command.ts';

/** The processes that the process `pid` has started and that are there. */
export async function childrenOf(pid: number): Promise<number[]> {
  const pairs = await output(['ps', '-A', '-o', 'ppid=,pid=']);
  const rows = pairs.split('\n').map((line) => line.trim().split(/\s+/).map(Number));
  return rows.flatMap(([parent, child = 0]) => (parent === pid ? [child] : []));
}

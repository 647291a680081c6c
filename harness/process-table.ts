import { readFile } from 'node:fs/promises';
import { output } from './command.ts';

/** The processes that the process `pid` has started and that are there. */
export async function childrenOf(pid: number): Promise<number[]> {
  const pairs = await output(['ps', '-A', '-o', 'ppid=,pid=']);
  const rows = pairs.split('\n').map((line) => line.trim().split(/\s+/).map(Number));
  return rows.flatMap(([parent, child = 0]) => (parent === pid ? [child] : []));
}

/** The most memory that a process ever had, as the kernel counts it; 0 on a system without /proc. */
export async function peakMemoryBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
}

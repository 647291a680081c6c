import { readFile } from 'node:fs/promises';
import { output } from './command.ts';

/** The running processes that process `pid` has started. */
export async function childrenOf(pid: number): Promise<number[]> {
  const pairs = await output(['ps', '-A', '-o', 'ppid=,pid=']);
  const rows = pairs.split('\n').map((line) => line.trim().split(/\s+/).map(Number));
  return rows.flatMap(([parent, child = 0]) => (parent === pid ? [child] : []));
}

/** The peak resident memory of a process, according to the kernel; 0 on a system without /proc. */
export async function peakMemoryBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
}

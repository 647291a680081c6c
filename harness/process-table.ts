import { readFile } from 'node:fs/promises';
import { output } from './command.ts';

/** The running processes that process `pid` has started, without zombies. */
export async function childrenOf(pid: number): Promise<number[]> {
  const table = await output(['ps', '-A', '-o', 'ppid=,pid=,stat=']);
  const rows = table.split('\n').map((line) => line.trim().split(/\s+/));
  return rows.flatMap(([parent, child, state]) =>
    Number(parent) === pid && !state?.startsWith('Z') ? [Number(child)] : [],
  );
}

/** The peak resident memory of a process, according to the kernel; 0 on a system without /proc. */
export async function peakMemoryBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
}

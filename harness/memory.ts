import { readFile } from 'node:fs/promises';

/** The most memory that a process ever had, as the kernel counts it; 0 on a system without /proc. */
export async function peakMemoryBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
}

import { spawn } from 'node:child_process';
import { output } from './command.ts';
import { eachLine } from './each-line.ts';
import type { LogLine } from './log-line.ts';
import { tether } from './tether.ts';

/** A line of a service's log, and the container that wrote it. */
export interface TaskLine extends LogLine {
  task: string;
}

/** What containers, the ended ones too, have logged since a moment (Unix time in ms). */
export async function linesSince(tasks: readonly string[], since: number): Promise<TaskLine[]> {
  const lines: TaskLine[] = [];
  for (const task of tasks) {
    const log = await output(['docker', 'logs', '--since', String(since / 1_000), task]);
    for (const line of log.split('\n')) take(lines, task, line);
  }
  return lines;
}

/** What containers log during `work`, which may remove them. */
export async function linesDuring(
  tasks: readonly string[],
  work: () => Promise<void>,
): Promise<TaskLine[]> {
  const lines: TaskLine[] = [];
  const followers = tasks.map((task) => {
    const args = ['logs', '--follow', '--tail', '0', task];
    const follower = tether(spawn('docker', args, { stdio: ['ignore', 'pipe', 'ignore'] }));
    eachLine(follower.stdout, (line) => take(lines, task, line));
    return follower;
  });
  try {
    await work();
  } finally {
    for (const follower of followers) follower.kill();
  }
  return lines;
}

function take(lines: TaskLine[], task: string, line: string): void {
  if (line.startsWith('{')) lines.push({ ...JSON.parse(line), task });
}

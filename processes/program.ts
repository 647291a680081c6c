import { type ChildProcess, spawn } from 'node:child_process';
import type { Answers, Question } from './reporter.ts';
import { programArgs, ROOT } from './repository.ts';

/** How a program is run. */
export interface Run {
  /** Its environment variables; it gets no others. */
  env: NodeJS.ProcessEnv;
  /** The Node that runs it; by default the one of this process. */
  node?: string;
  /** Node's options, instead of those that let it run TypeScript. */
  options?: readonly string[] | undefined;
  /** A file descriptor to write to; by default a pipe. */
  stdout?: number;
  stderr?: number;
}

/** Starts a program of this repository (path without `.ts`). It answers `ask`, and is killed when this process ends. */
export function spawnProgram(program: string, run: Run): ChildProcess {
  const { env, node = process.execPath, options, stdout = 'pipe', stderr = 'pipe' } = run;
  return spawn(node, programArgs(program, 'processes/reporter', options), {
    cwd: ROOT,
    env,
    stdio: ['ignore', stdout, stderr, 'ipc'],
    // In its own process group, so that a terminal's Ctrl+C reaches this process alone.
    detached: true,
  });
}

let questions = 0;

/** Calls `take` with each answer to `question`, until the returned function is called. */
export function follow<Each extends Question>(
  child: ChildProcess,
  question: Each,
  take: (answer: Answers[Each]) => void,
): () => void {
  questions += 1;
  const id = questions;
  const listen = (message: { id: number; answer: Answers[Each] }) => {
    if (message.id === id) take(message.answer);
  };
  child.on('message', listen);
  // Sending fails once the program has ended; `close` reports that.
  child.send({ id, question }, () => {});
  return () => child.off('message', listen);
}

/** Resolves with the first answer to `question`. Rejects if the program ends first. */
export function ask<Each extends Question>(
  child: ChildProcess,
  question: Each,
): Promise<Answers[Each]> {
  return new Promise((resolve, reject) => {
    const onClose = () => reject(new Error('the process has ended'));
    const stop = follow(child, question, (answer) => {
      stop();
      child.off('close', onClose);
      resolve(answer);
    });
    if (child.exitCode === null && child.signalCode === null) child.once('close', onClose);
    else onClose();
  });
}

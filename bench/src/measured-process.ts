import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { programVariables } from '../../harness/environment.ts';
import { ask, spawnProgram } from '../../processes/program.ts';
import type { Holdings } from '../../processes/reporter.ts';
import { CALLED, variableOf } from '../../services.ts';
import { inTime } from './in-time.ts';

/**
 * A server under measurement, with its log in a file. Unlike in the tests, nothing reads the log or reports requests
 * while the process works.
 */
export class MeasuredProcess implements AsyncDisposable {
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #folder: string;

  private constructor(child: ChildProcess, folder: string, url: string) {
    this.#child = child;
    this.#folder = folder;
    this.url = url;
  }

  /** Starts `program` (its path without `.ts`) with Node's `options`; resolves once it listens. */
  static async start(
    program: string,
    stubUrl: string,
    env: Record<string, string> = {},
    options?: readonly string[],
  ): Promise<MeasuredProcess> {
    const folder = mkdtempSync(join(tmpdir(), 'orders-bench-'));
    const file = join(folder, 'log');
    const log = openSync(file, 'a');
    const variables = programVariables({
      NODE_ENV: 'production',
      PORT: '0',
      ...Object.fromEntries(CALLED.map((name) => [variableOf(name, 'URL'), stubUrl])),
      ...env,
    });
    const child = spawnProgram(program, { env: variables, options, stdout: log, stderr: log });
    closeSync(log);
    try {
      const { port } = await inTime(`the start of ${program}`, ask(child, 'address'));
      return new MeasuredProcess(child, folder, `http://127.0.0.1:${port}`);
    } catch (cause) {
      child.kill('SIGKILL');
      const output = readFileSync(file, 'utf8');
      rmSync(folder, { recursive: true });
      throw new Error(`${program} did not start: ${output}`, { cause });
    }
  }

  /** Processor time so far in microseconds. */
  cpuUs(): Promise<number> {
    return ask(this.#child, 'cpuUs');
  }

  /** What the process holds after a garbage collection. */
  holdings(): Promise<Holdings> {
    return ask(this.#child, 'holdings');
  }

  /** The longest time for which its event loop has stood since this was last asked, in milliseconds. */
  longestStandMs(): Promise<number> {
    return ask(this.#child, 'longestStandMs');
  }

  /** From now on `holdings` counts the listeners on new sockets too. */
  async followSockets(): Promise<void> {
    await ask(this.#child, 'sockets');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const hasEnded = this.#child.exitCode !== null || this.#child.signalCode !== null;
    this.#child.kill('SIGKILL');
    if (!hasEnded) await once(this.#child, 'exit');
    rmSync(this.#folder, { recursive: true });
  }
}

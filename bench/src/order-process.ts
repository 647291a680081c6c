import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LOADER, NO_VARIABLES, ROOT } from '../../processes/repository.ts';
import { CALLED, variableOf } from '../../services.ts';
import type { Cpu, Holdings, Question } from './report-usage.ts';

const REPORT_USAGE = new URL('report-usage.ts', import.meta.url).href;
const START_TIMEOUT_MS = 20_000;

/**
 * An order process under test, its log in a file. The harness reads every log line and is told
 * of every request; here nothing listens while the process works.
 */
export class OrderProcess implements AsyncDisposable {
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #ended = new AbortController();

  private constructor(child: ChildProcess, folder: string, port: string) {
    this.#child = child.once('exit', () => this.#ended.abort());
    this.#folder = folder;
    this.url = `http://127.0.0.1:${port}`;
  }

  /** Starts the TypeScript file `entry` (from the repository's root) with Node's `options`; waits until it listens. */
  static async start(
    entry: string,
    stubUrl: string,
    env: Record<string, string> = {},
    options: readonly string[] = [],
  ): Promise<OrderProcess> {
    const folder = mkdtempSync(join(tmpdir(), 'orders-bench-'));
    const log = join(folder, 'log');
    const stdout = openSync(log, 'a');
    const args = [...LOADER, '--import', REPORT_USAGE, ...options, entry];
    const child = spawn(process.execPath, args, {
      cwd: ROOT,
      env: {
        PATH: process.env.PATH,
        DOTENV_PATH: NO_VARIABLES,
        NODE_ENV: 'production',
        PORT: '0',
        ...Object.fromEntries(CALLED.map((name) => [variableOf(name, 'URL'), stubUrl])),
        ...env,
      },
      stdio: ['ignore', stdout, 'inherit', 'ipc'],
    });
    closeSync(stdout);
    const deadline = performance.now() + START_TIMEOUT_MS;
    while (performance.now() < deadline && child.exitCode === null) {
      const port = /"port":(\d+)/.exec(readFileSync(log, 'utf8'))?.[1];
      if (port) return new OrderProcess(child, folder, port);
      await sleep(20);
    }
    child.kill('SIGKILL');
    throw new Error(`${entry} did not start`);
  }

  /** Processor time of the process so far. */
  async cpuUs(): Promise<number> {
    return (await this.#ask<Cpu>('cpu')).cpuUs;
  }

  /** What the process holds after a collection. */
  async holdings(): Promise<Holdings> {
    return this.#ask<Holdings>('holdings');
  }

  async #ask<Answer>(question: Question): Promise<Answer> {
    if (!this.#child.connected) throw new Error('the process has ended');
    const { signal } = this.#ended;
    this.#child.send(question);
    const [answer] = await once(this.#child, 'message', { signal });
    return answer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    if (!this.#ended.signal.aborted) await once(this.#child, 'exit');
    rmSync(this.#folder, { recursive: true });
  }
}

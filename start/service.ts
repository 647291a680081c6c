import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { urlOf } from '../chassis/src/address.ts';
import { eachLine } from '../processes/each-line.ts';
import { ask, spawnProgram } from '../processes/program.ts';
import { LOADER } from '../processes/repository.ts';

/** Loaded only where a variable of OpenTelemetry is set. */
const TELEMETRY = ['--import', '@orders/telemetry'];

type Print = (line: string, isError?: boolean) => void;

/** The process of one service. `print` gets its output, and a line that says how it ended. */
export class Service {
  readonly #folder: string;
  readonly #print: Print;
  readonly #onUnexpectedExit: () => void;
  #child: ChildProcess | undefined;
  #env: NodeJS.ProcessEnv = {};
  #isStopping = false;

  /** Calls `onUnexpectedExit` when it ends without `stop` or `kill`. */
  constructor(folder: string, print: Print, onUnexpectedExit: () => void) {
    this.#folder = folder;
    this.#print = print;
    this.#onUnexpectedExit = onUnexpectedExit;
  }

  /** Starts it; resolves with its URL once it listens. Rejects if it ends first. */
  async start(env: NodeJS.ProcessEnv = this.#env): Promise<string> {
    this.#isStopping = false;
    const isTraced = Object.keys(env).some((name) => name.startsWith('OTEL_'));
    const options = isTraced ? [...LOADER, ...TELEMETRY] : undefined;
    const child = spawnProgram(`${this.#folder}/src/server`, { env, options });
    this.#child = child;
    eachLine(child.stdout, (line) => this.#print(line));
    eachLine(child.stderr, (line) => this.#print(line, true));
    child.once('close', (code, signal) => {
      this.#child = undefined;
      this.#print(signal ? `ended by ${signal}` : `exited with code ${code}`);
      if (!this.#isStopping) this.#onUnexpectedExit();
    });
    const { address, port } = await ask(child, 'address');
    await nextTurn(); // So that the lines it has already logged are printed first.
    // A restart uses the same port.
    this.#env = { ...env, PORT: String(port) };
    return urlOf(address, port);
  }

  /** Sends SIGTERM; resolves once it has ended. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    if (!this.#child) return;
    const closed = once(this.#child, 'close');
    this.#child.kill('SIGTERM');
    await closed;
  }

  kill(): void {
    this.#isStopping = true;
    this.#child?.kill('SIGKILL');
  }
}

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { urlOf } from '../chassis/src/address.ts';
import { eachLine } from '../processes/each-line.ts';
import { LOADER, programArgs, ROOT } from '../processes/repository.ts';

/** Loaded only where a variable of OpenTelemetry is set. */
const TELEMETRY = ['--import', '@orders/telemetry'];

type Print = (line: string, isError?: boolean) => void;

/** One of the services: a process, whose lines go to `print`, and the line that says how it ended. */
export class Service {
  readonly #folder: string;
  readonly #print: Print;
  readonly #onDeath: () => void;
  #child: ChildProcess | undefined;
  #env: NodeJS.ProcessEnv = {};
  #told = false;

  /** `onDeath` is called when it ends without having been told to. */
  constructor(folder: string, print: Print, onDeath: () => void) {
    this.#folder = folder;
    this.#print = print;
    this.#onDeath = onDeath;
  }

  /** Starts it; resolves with its URL once it listens. Rejects if it ends before. */
  async start(env: NodeJS.ProcessEnv = this.#env): Promise<string> {
    this.#told = false;
    const isTraced = Object.keys(env).some((name) => name.startsWith('OTEL_'));
    const options = isTraced ? [...LOADER, ...TELEMETRY] : undefined;
    const args = programArgs(`${this.#folder}/src/server`, 'start/report-address', options);
    const stdio = ['ignore', 'pipe', 'pipe', 'ipc'] as const;
    // In a process group of its own: a terminal's Ctrl+C reaches the launcher alone.
    const child = spawn(process.execPath, args, {
      cwd: ROOT,
      env,
      detached: true,
      stdio: [...stdio],
    });
    this.#child = child;
    eachLine(child.stdout, (line) => this.#print(line));
    eachLine(child.stderr, (line) => this.#print(line, true));
    const listening: Promise<AddressInfo[]> = once(child, 'message');
    const ended = once(child, 'close').then(([code, signal]) => {
      this.#child = undefined;
      this.#print(signal ? `ended by ${signal}` : `exited with code ${code}`);
      if (!this.#told) this.#onDeath();
      return [];
    });
    const [address] = await Promise.race([listening, ended]);
    await nextTurn(); // What it has logged before has arrived too, and is printed first.
    if (!address) throw new Error(`${this.#folder} has ended`);
    // Wherever it listens now, it listens there again.
    this.#env = { ...env, PORT: String(address.port) };
    return urlOf(address.address, address.port);
  }

  /** Tells it to leave; resolves once it has. */
  async stop(): Promise<void> {
    this.#told = true;
    if (!this.#child) return;
    const closed = once(this.#child, 'close');
    this.#child.kill('SIGTERM');
    await closed;
  }

  /** Ends it at once. */
  kill(): void {
    this.#told = true;
    this.#child?.kill('SIGKILL');
  }
}

import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { urlOf } from '../chassis/src/address.ts';
import { eachLine } from '../processes/each-line.ts';
import { ask, follow, spawnProgram } from '../processes/program.ts';
import type { Arrival } from '../processes/reporter.ts';
import { LOADER } from '../processes/repository.ts';

/** Loaded only where a variable of OpenTelemetry is set. */
const TELEMETRY = ['--import', '@orders/telemetry'];

/** How long a start waits for the log line that says so. Some levels of the log have none. */
const LISTENING_TIMEOUT_MS = 1_000;

interface Events {
  /** A line of its stdout. */
  onLine: (line: string) => void;
  /** A line of its stderr. */
  onErrorLine: (line: string) => void;
  onArrival: (arrival: Arrival) => void;
  /** It has ended, after its last line. `how`: `exited with code 0`. `isExpected`: `stop` or `kill` was called. */
  onEnd: (how: string, isExpected: boolean) => void;
}

/** The process of one service. */
export class Service {
  readonly #folder: string;
  readonly #events: Events;
  #child: ChildProcess | undefined;
  #env: NodeJS.ProcessEnv = {};
  #isStopping = false;

  constructor(folder: string, events: Events) {
    this.#folder = folder;
    this.#events = events;
  }

  /** Starts it; resolves with its URL once it listens and has logged that. Rejects if it ends first. */
  async start(env: NodeJS.ProcessEnv = this.#env): Promise<string> {
    this.#isStopping = false;
    const isTraced = Object.keys(env).some((name) => name.startsWith('OTEL_'));
    const options = isTraced ? [...LOADER, ...TELEMETRY] : undefined;
    const child = spawnProgram(`${this.#folder}/src/server`, { env, options });
    this.#child = child;
    const { onLine, onErrorLine, onArrival, onEnd } = this.#events;
    const hasLogged = new Promise<void>((resolve) => {
      eachLine(child.stdout, (line) => {
        onLine(line);
        if (line.includes('Listening on ')) resolve();
      });
    });
    eachLine(child.stderr, onErrorLine);
    child.once('close', (code, signal) => {
      this.#child = undefined;
      onEnd(signal ? `ended by ${signal}` : `exited with code ${code}`, this.#isStopping);
    });
    follow(child, 'arrivals', onArrival);
    const { address, port } = await ask(child, 'address');
    await Promise.race([hasLogged, sleep(LISTENING_TIMEOUT_MS, undefined, { ref: false })]);
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

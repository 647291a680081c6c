import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { eachLine } from '../processes/each-line.ts';
import { ask, follow, type Run as ProgramRun, spawnProgram } from '../processes/program.ts';
import type { Arrival, Exchange, Holdings } from '../processes/reporter.ts';
import type { ServiceName } from '../services.ts';
import { programVariables } from './environment.ts';
import { Feed } from './feed.ts';
import { tether } from './tether.ts';

/** A line of a service's log. */
export interface LogLine {
  level: number;
  time: number;
  service: string;
  msg: string;
  requestId?: string;
  cause?: string;
  elapsedMs?: number;
  [field: string]: unknown;
}

/** The fields that a line must have. */
export type LogQuery = Partial<LogLine>;

/** Whether the line has the fields of `query`. */
function matches(line: LogLine, query: LogQuery): boolean {
  return Object.entries(query).every(([field, wanted]) => line[field] === wanted);
}

/** Which Node runs a service and with which options, or another program (its path without `.ts`) in its place. */
export interface Run extends Pick<ProgramRun, 'node' | 'options'> {
  program?: string;
}

const isListening = ({ msg }: LogLine) => msg.startsWith('Listening on ');

/** A service as an operator runs it: a separate process, on a free port, that logs JSON. */
export class ServiceProcess implements AsyncDisposable {
  readonly name: ServiceName;
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  readonly #child: ChildProcess;
  readonly #log = new Feed<LogLine>();
  readonly #arrivals = new Feed<Arrival>();
  #stderr = '';

  /** Starts a service without waiting for it, for a service that may fail to start. */
  constructor(
    name: ServiceName,
    env: Record<string, string> = {},
    { program = `${name}/src/server`, ...run }: Run = {},
  ) {
    this.name = name;
    const variables = programVariables({ PORT: '0', ...env });
    const child = tether(spawnProgram(program, { ...run, env: variables }));
    this.#child = child;
    eachLine(child.stdout, (line) => this.#log.push(JSON.parse(line)));
    child.stderr?.on('data', (chunk) => {
      this.#stderr += chunk;
    });
    follow(child, 'arrivals', (arrival) => this.#arrivals.push(arrival));
    this.exited = once(child, 'close').then(([code, signal]) => {
      const error = new Error(`${name} has ended: ${this.#stderr}`);
      for (const feed of [this.#log, this.#arrivals]) feed.end(error);
      return { code, signal };
    });
  }

  /** Starts a service; resolves once it listens. */
  static async start(
    name: ServiceName,
    env: Record<string, string> = {},
    run: Run = {},
  ): Promise<ServiceProcess> {
    const service = new ServiceProcess(name, env, run);
    await service.listening();
    return service;
  }

  /** Resolves once it listens. Rejects if it ends first. */
  async listening(): Promise<void> {
    await this.#log.next(isListening);
  }

  get lines(): readonly LogLine[] {
    return this.#log.items;
  }

  get port(): number {
    return Number(this.lines.find(isListening)?.port);
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** Calls `follower` with each line from now on. */
  follow(follower: (line: LogLine) => void): void {
    this.#log.follow(follower);
  }

  /** Calls `follower` with each request that arrives from now on. */
  followArrivals(follower: (arrival: Arrival) => void): void {
    this.#arrivals.follow(follower);
  }

  /** Calls `follower` with each request from now on, when it arrives and when it ends. */
  followExchanges(follower: (exchange: Exchange) => void): void {
    follow(this.#child, 'exchanges', follower);
  }

  /** The matching lines so far. */
  find(query: LogQuery): LogLine[] {
    return this.lines.filter((line) => matches(line, query));
  }

  /** Resolves with the `count`th matching line. Rejects if the process ends first. */
  waitFor(query: LogQuery, count = 1): Promise<LogLine> {
    return this.#log.next((line) => matches(line, query), count);
  }

  /** Resolves with the line that says how a request ended. */
  outcome(requestId: string): Promise<LogLine> {
    const opening = /^Placing order/;
    return this.#log.next((line) => line.requestId === requestId && !opening.test(line.msg));
  }

  /** Resolves once the request has reached this service. */
  async arrival(requestId: string): Promise<void> {
    await this.#arrivals.next((arrival) => arrival.requestId === requestId);
  }

  /** What the process holds after a garbage collection. */
  holdings(): Promise<Holdings> {
    return ask(this.#child, 'holdings');
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.exited;
  }
}

import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Report } from './inside.ts';

export type ServiceName = 'order-service' | 'inventory-service' | 'payment-service';

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

/** What a line must have; `msg` may be a pattern. */
export type LogQuery = Partial<Omit<LogLine, 'msg'>> & { msg?: string | RegExp };

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Node strips types by itself from 24 on; before that tsx does, as `npm start` has it. */
export const LOADER = Number.parseInt(process.versions.node, 10) >= 24 ? [] : ['--import', 'tsx'];

/** Tells from inside the process what its log does not. */
const INSIDE = new URL('inside.ts', import.meta.url).href;

/** A service as an operator runs it: a process of its own, on any free port, logging JSON. */
export class ServiceProcess implements AsyncDisposable {
  readonly lines: LogLine[] = [];
  readonly name: ServiceName;
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  #stderr = '';
  readonly #child: ChildProcess;
  readonly #arrived = new Set<string>();
  readonly #news = new EventEmitter().setMaxListeners(0);
  #ended = false;

  private constructor(name: ServiceName, env: Record<string, string>, nodeFlags: string[]) {
    this.name = name;
    const args = [...LOADER, '--import', INSIDE, ...nodeFlags, `${name}/src/server.ts`];
    this.#child = spawn(process.execPath, args, {
      cwd: ROOT,
      env: { PATH: process.env.PATH, PORT: '0', ...env },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    const { stdout, stderr } = this.#child;
    if (!stdout || !stderr) throw new Error('spawned without pipes');
    createInterface({ input: stdout }).on('line', (line) => {
      this.lines.push(JSON.parse(line));
      this.#news.emit('news');
    });
    stderr.on('data', (chunk) => {
      this.#stderr += chunk;
    });
    this.#child.on('message', (report: Report) => {
      if ('arrived' in report && report.arrived) this.#arrived.add(report.arrived);
      this.#news.emit('news', report);
    });
    this.exited = once(this.#child, 'close').then(([code, signal]) => {
      this.#ended = true;
      this.#news.emit('news');
      return { code, signal };
    });
  }

  /** Starts a service and waits until it listens. */
  static async start(
    name: ServiceName,
    env: Record<string, string> = {},
    nodeFlags: string[] = [],
  ): Promise<ServiceProcess> {
    const service = ServiceProcess.launch(name, env, nodeFlags);
    await service.waitFor({ msg: 'Listening' });
    return service;
  }

  /** Starts a service that may fail to start. */
  static launch(
    name: ServiceName,
    env: Record<string, string> = {},
    nodeFlags: string[] = [],
  ): ServiceProcess {
    return new ServiceProcess(name, env, nodeFlags);
  }

  get port(): number {
    return Number(this.lines.find(({ msg }) => msg === 'Listening')?.port);
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

  /** The lines so far that match. */
  find(query: LogQuery): LogLine[] {
    return this.lines.filter((line) => matches(line, query));
  }

  /**
   * The `count`th line that matches, waiting for it if need be. Rejects if the process ends before.
   */
  async waitFor(query: LogQuery, count = 1): Promise<LogLine> {
    const what = Object.values(query).join(' ');
    return this.#until(what, () => this.find(query)[count - 1]);
  }

  /** Resolves once the request has reached this service. */
  async arrival(requestId: string): Promise<void> {
    await this.#until(`request ${requestId}`, () => this.#arrived.has(requestId) || undefined);
  }

  /** What keeps the process's event loop alive, by kind, and its heap, after a collection. */
  async holds(): Promise<{ resources: Record<string, number>; heapBytes: number }> {
    let holds: Extract<Report, { heapBytes: number }> | undefined;
    const listen = (report: Report) => {
      if ('heapBytes' in report) holds = report;
    };
    this.#child.on('message', listen).send('holds');
    return this.#until('what it holds', () => holds).finally(() =>
      this.#child.off('message', listen),
    );
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.exited;
  }

  async #until<T>(what: string, look: () => T | undefined): Promise<T> {
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      if (this.#ended) throw new Error(`${this.name} ended without ${what}: ${this.#stderr}`);
      await once(this.#news, 'news');
    }
  }
}

function matches(line: LogLine, query: LogQuery): boolean {
  return Object.entries(query).every(([field, wanted]) =>
    wanted instanceof RegExp ? wanted.test(String(line[field])) : line[field] === wanted,
  );
}

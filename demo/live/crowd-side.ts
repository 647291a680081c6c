import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Scope } from 'request-scope';
import { send } from '../../harness/clients.ts';
import { type LogLine, ServiceProcess } from '../../harness/service-process.ts';
import { ROOT } from '../../processes/repository.ts';
import { CALLED, NO_WORK, type ServiceName, variableOf } from '../../services.ts';
import type { Load, SideFrame } from './crowd-frame.ts';
import { type Gate, startGate } from './gate.ts';
import { PROGRAMS, type SideName } from './side.ts';

interface Caller {
  isPatient: boolean;
  outcome?: 'served' | 'left';
  leftAt: number;
}

const ENDS = /^Payment proc/;

/** One side of a crowd: services of its own, with a gate in front of payment-service, and the callers. */
export class CrowdSide {
  readonly name: SideName;
  /** Rejects when a service ends that was not asked to. */
  readonly broken: Promise<never>;
  readonly #load: Load;
  readonly #onChange: () => void;
  readonly #parts: AsyncDisposable[] = [];
  readonly #callers = new Map<string, Caller>();
  readonly #begunAt = new Map<string, number>();
  readonly #fail: (error: Error) => void;
  #work = { workedMs: 0, afterLeftMs: 0 };
  #gate: Gate | undefined;
  #orderUrl = '';
  #isClosed = false;

  constructor(name: SideName, load: Load, onChange = () => {}) {
    const { promise, reject } = withResolvers();
    this.name = name;
    this.broken = promise;
    this.#fail = reject;
    this.#load = load;
    this.#onChange = onChange;
  }

  /** Starts the services and sends them an order. Rejects if one does not start, or `close` is called. */
  async start(): Promise<void> {
    await this.#start();
    // The first order of a process is slow, and is none of the crowd's.
    await send(`${this.#orderUrl}/order?orderID=first`).answer;
  }

  async #start(): Promise<void> {
    const { workers, workMs } = this.#load;
    const gate = await startGate({ workers, workMs, onChange: this.#onChange });
    this.#parts.push(gate);
    if (this.#isClosed) return this.close();
    this.#gate = gate;
    const work = { ...NO_WORK, PAYMENT_DURATION_MS: String(workMs) };
    // The usual side may have fewer services.
    const called = CALLED.filter((name) =>
      existsSync(join(ROOT, `${this.#program(`${name}-service`)}.ts`)),
    );
    const urls = await Promise.all(
      called.map(async (name) => {
        const service = this.#launch(`${name}-service`, work);
        await service.listening();
        if (name !== 'payment') return [variableOf(name, 'URL'), service.url] as const;
        gate.port = service.port;
        service.followArrivals(({ requestId, path, time }) => {
          if (path === '/pay') this.#begunAt.set(requestId, time);
        });
        service.follow((line) => this.#take(line));
        return [variableOf(name, 'URL'), gate.url] as const;
      }),
    );
    const order = this.#launch('order-service', Object.fromEntries(urls));
    await order.listening();
    this.#orderUrl = order.url;
  }

  /** A caller that places an order, and hangs up when it has waited long enough or `parent` aborts. */
  async call(id: string, isPatient: boolean, parent: Scope): Promise<void> {
    const { patientMs, impatientMs } = this.#load;
    const caller: Caller = { isPatient, leftAt: Number.POSITIVE_INFINITY };
    this.#callers.set(id, caller);
    using wait = parent.child(isPatient ? patientMs : impatientMs);
    const url = `${this.#orderUrl}/order?orderID=${id}`;
    const { answer } = send(url, { headers: { 'x-request-id': id }, signal: wait.signal });
    const isServed = await answer.then(
      ({ status }) => status === 200,
      () => false,
    );
    if (!isServed) caller.leftAt = Date.now();
    caller.outcome = isServed ? 'served' : 'left';
    this.#onChange();
  }

  get isIdle(): boolean {
    return this.#gate?.isIdle === true;
  }

  frame(): SideFrame {
    const letter = (id: string) => (this.#callers.get(id)?.outcome ? 'n' : 'w');
    const { workers = [], queue = [] } = this.#gate ?? {};
    const idle = '-'.repeat(this.#load.workers);
    const waited = [...this.#callers.values()].filter((it) => it.isPatient && it.outcome);
    return {
      workers: workers.map((id) => (id === undefined ? '-' : letter(id))).join('') || idle,
      queue: queue.map(letter).join(''),
      served: waited.filter(({ outcome }) => outcome === 'served').length,
      waited: waited.length,
      workedMs: this.#work.workedMs,
      afterLeftMs: this.#work.afterLeftMs,
    };
  }

  /** Ends the services at once. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#parts.map((part) => part[Symbol.asyncDispose]()));
  }

  #program(service: ServiceName): string {
    return PROGRAMS[this.name](service);
  }

  #launch(name: ServiceName, env: Record<string, string>): ServiceProcess {
    if (this.#isClosed) throw new Error(`${this.name} is closed`);
    const service = new ServiceProcess(name, env, { program: this.#program(name) });
    this.#parts.push(service);
    service.exited.then(() => {
      if (!this.#isClosed) this.#fail(new Error(`${name} (${this.name}) has ended by itself`));
    });
    return service;
  }

  /** Reads a line of payment-service's log. */
  #take({ requestId: id = '', msg, time }: LogLine): void {
    if (!ENDS.test(msg)) return;
    this.#gate?.release(id);
    const caller = this.#callers.get(id);
    if (!caller) return;
    const from = this.#begunAt.get(id) ?? time;
    this.#work.workedMs += time - from;
    this.#work.afterLeftMs += Math.max(0, time - Math.max(from, caller.leftAt));
    this.#onChange();
  }
}

/** Promise.withResolvers, which Node 20 does not have. */
function withResolvers() {
  let reject = (_error: Error) => {};
  const promise = new Promise<never>((_, no) => {
    reject = no;
  });
  promise.catch(() => {});
  return { promise, reject };
}

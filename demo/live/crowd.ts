import { setTimeout as sleep } from 'node:timers/promises';
import { ClientDisconnected, type Scope } from 'request-scope';
import type { CrowdFrame, Load } from './crowd-frame.ts';
import { CrowdSide } from './crowd-side.ts';
import type { SideName } from './side.ts';

/** 1.5 times what ten workers can do. The patient callers alone are 0.75 times. */
export const LOAD: Load = {
  workers: 10,
  workMs: 400,
  callers: 300,
  everyMs: 400 / 10 / 1.5,
  impatientMs: 600,
  patientMs: 2_000,
};

/** How often a change is published, in milliseconds. */
const FRAME_MS = 20;

/** Once the sides have had nothing to do for this long, no void is on its way any more. */
const SETTLE_MS = 200;

/**
 * Sends the same callers to all sides at the same time. The services are the crowd's own: they start and end with
 * it. There is one crowd at a time.
 */
export class Crowd {
  readonly #names: readonly SideName[];
  readonly #publish: (frame: CrowdFrame) => void;
  readonly #load: Load;
  #running: { scope: Scope; ended: Promise<unknown> } | undefined;

  /** Calls `publish` with what has changed. */
  constructor(names: readonly SideName[], publish: (frame: CrowdFrame) => void, load: Load = LOAD) {
    this.#names = names;
    this.#publish = publish;
    this.#load = load;
  }

  /** Publishes that there is no crowd, with the load that one would be. */
  announce(): void {
    this.#publish(this.#still('none'));
  }

  /**
   * Resolves when every caller has ended and the sides have nothing left to do. If `parent` aborts, the callers hang
   * up and the services are ended. Does nothing while another crowd is there.
   */
  async run(parent: Scope): Promise<void> {
    if (this.#running) return;
    using scope = parent.child(Number.POSITIVE_INFINITY);
    const ended = this.#play(scope);
    this.#running = { scope, ended };
    const last = await ended;
    this.#running = undefined;
    this.#publish(last);
  }

  /** Stops the crowd that is under way. Resolves when nothing of it is left. */
  async stop(): Promise<void> {
    this.#running?.scope.abort(new ClientDisconnected());
    await this.#running?.ended;
  }

  /** Resolves with the last frame, when nothing is left. */
  async #play(scope: Scope): Promise<CrowdFrame> {
    const load = this.#load;
    let startedAt = Date.now();
    let isChanged = true;
    const onChange = () => {
      isChanged = true;
    };
    const sides = this.#names.map((name) => new CrowdSide(name, load, onChange));
    const frame = (phase: CrowdFrame['phase']): CrowdFrame => {
      isChanged = false;
      return { phase, atMs: Date.now() - startedAt, load, sides: framesOf(sides) };
    };
    const close = () => Promise.all(sides.map((side) => side.close()));
    scope.signal.addEventListener('abort', close, { once: true });
    this.#publish(frame('starting'));
    const starts = sides.map((side) => side.start());
    const callers: Promise<unknown>[] = [];
    let showing: NodeJS.Timeout | undefined;
    try {
      await Promise.all(starts);
      startedAt = Date.now();
      showing = setInterval(() => isChanged && this.#publish(frame('running')), FRAME_MS);
      const all = callAll(sides, load, scope, callers).then(() => allIdle(sides, scope));
      await Promise.race([all, ...sides.map(({ broken }) => broken)]);
      return frame('ended');
    } catch (error) {
      if (scope.signal.aborted) return this.#still('none');
      const why = error instanceof Error ? error.message : String(error);
      return { ...this.#still('failed'), why };
    } finally {
      clearInterval(showing);
      scope.abort(new ClientDisconnected()); // If a service has ended, callers are left.
      await Promise.all([close(), ...callers]);
      await Promise.allSettled(starts);
    }
  }

  /** A frame without a crowd. */
  #still(phase: 'none' | 'failed'): CrowdFrame {
    const load = this.#load;
    const sides = framesOf(this.#names.map((name) => new CrowdSide(name, load)));
    return { phase, atMs: 0, load, sides };
  }
}

const framesOf = (sides: readonly CrowdSide[]): CrowdFrame['sides'] =>
  Object.fromEntries(sides.map((side) => [side.name, side.frame()]));

/** Sends the callers, and adds each to `callers`. Resolves when all have ended. Rejects if `scope` aborts. */
async function callAll(
  sides: readonly CrowdSide[],
  { callers: count, everyMs }: Load,
  scope: Scope,
  callers: Promise<unknown>[],
): Promise<void> {
  const { signal } = scope;
  const startedAt = performance.now();
  for (let caller = 0; caller < count; caller += 1) {
    const earlyMs = startedAt + caller * everyMs - performance.now();
    if (earlyMs > 0) await sleep(earlyMs, undefined, { signal });
    signal.throwIfAborted();
    for (const side of sides)
      callers.push(side.call(`caller-${caller + 1}`, caller % 2 === 0, scope));
  }
  await Promise.all(callers);
  signal.throwIfAborted();
}

async function allIdle(sides: readonly CrowdSide[], { signal }: Scope): Promise<void> {
  let idleSince = Number.POSITIVE_INFINITY;
  while (performance.now() - idleSince < SETTLE_MS) {
    await sleep(FRAME_MS, undefined, { signal });
    if (!sides.every(({ isIdle }) => isIdle)) idleSince = Number.POSITIVE_INFINITY;
    else idleSince = Math.min(idleSince, performance.now());
  }
}

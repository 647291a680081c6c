import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { eachLine } from '../processes/each-line.ts';
import type { LogLine } from './service-process.ts';
import { until } from './time.ts';

/** A line of a service's log, with the pod that wrote it. */
export interface PodLine extends LogLine {
  pod: string;
}

/** What the tests read of a pod. */
export interface Pod {
  metadata: { name: string; labels: Record<string, string>; deletionTimestamp?: string };
  spec: { nodeName?: string; containers: { image: string }[] };
  status: {
    conditions?: { type: string; status: string }[];
    containerStatuses?: {
      containerID?: string;
      restartCount: number;
      state?: { running?: object };
    }[];
  };
}

/** Opens the log of a pod, from a time on, and follows it. */
type Open = (pod: string, since: string, signal: AbortSignal) => Promise<Response>;

/** Follows the logs of pods. */
export class PodLogs implements AsyncDisposable {
  readonly lines: PodLine[] = [];
  readonly #end = new AbortController();
  readonly #followed = new Map<string, Promise<void>>();
  readonly #watching: Promise<void>;

  constructor(list: () => Promise<Pod[]>, open: Open) {
    this.#watching = this.#watch(list, open, new Date().toISOString());
  }

  async #watch(list: () => Promise<Pod[]>, open: Open, since: string): Promise<void> {
    while (!this.#end.signal.aborted) {
      const pods = await list().catch((): Pod[] => []); // The API server may be away.
      for (const { metadata, status } of pods) {
        const hasStarted = status.containerStatuses?.[0]?.containerID;
        if (!hasStarted || this.#followed.has(metadata.name)) continue;
        this.#followed.set(metadata.name, this.#follow(metadata.name, open, since));
      }
      await sleep(1_000);
    }
  }

  /** Takes the lines of a pod until it is gone, through restarts of its container and lost connections. */
  async #follow(pod: string, open: Open, since: string): Promise<void> {
    let last = since;
    while (!this.#end.signal.aborted) {
      try {
        const response = await open(pod, last, this.#end.signal);
        if (response.status === 404) return;
        if (response.ok && response.body) {
          const stream = Readable.fromWeb(response.body);
          eachLine(stream, (line) => {
            const [at = '', ...rest] = line.split(' ');
            // `sinceTime` has whole seconds: after a lost connection some lines come again.
            if (at <= last) return;
            last = at;
            const text = rest.join(' ');
            if (text.startsWith('{')) this.lines.push({ ...JSON.parse(text), pod });
          });
          await new Promise<void>((resolve) =>
            stream.once('close', resolve).once('error', () => {}),
          );
        }
      } catch {}
      await sleep(500);
    }
  }

  /** Resolves when the lines of what has happened so far are there. */
  async settled(): Promise<void> {
    let before = -1;
    const isQuiet = async () => {
      const isUnchanged = this.lines.length === before;
      before = this.lines.length;
      return isUnchanged || undefined;
    };
    await until('quiet logs', isQuiet, { intervalMs: 1_000 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    await Promise.all([this.#watching, ...this.#followed.values()]);
  }
}

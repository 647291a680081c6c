/** What a crowd does to each side. Durations are in milliseconds. */
export interface Load {
  /** How many payments a side works on at a time. */
  workers: number;
  workMs: number;
  /** How many callers come, one every `everyMs`. Every second one is patient. */
  callers: number;
  everyMs: number;
  /** How long a caller waits before it hangs up. */
  impatientMs: number;
  patientMs: number;
}

/** A side of the crowd at one moment. */
export interface SideFrame {
  /** A letter per worker: `w` somebody waits for its work, `n` nobody does, `-` it has no work. */
  workers: string;
  /** A letter per payment in the queue, the next one first: `w` or `n`. */
  queue: string;
  /** The patient callers who got their answer in time. */
  served: number;
  /** The patient callers whose wait is over: they got their answer, or left. */
  waited: number;
  /** How long payment-service has worked, by its own log, and the part of that after the caller had left. */
  workedMs: number;
  afterLeftMs: number;
}

/** The crowd at one moment: what the page draws. */
export interface CrowdFrame {
  /** `none`: there is none, or it was stopped before its end. `failed`: a service has ended; `why` names it. */
  phase: 'none' | 'starting' | 'running' | 'ended' | 'failed';
  /** Milliseconds since the first caller came. */
  atMs: number;
  load: Load;
  sides: Partial<Record<'usual' | 'ours', SideFrame>>;
  why?: string;
}

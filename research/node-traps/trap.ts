export interface Finding {
  /** "n/a": this Node does not have the feature. */
  verdict: 'right' | 'wrong' | 'n/a';
  /** The observation, in a few words. */
  saw: string;
}

export interface Trap {
  name: string;
  /** Numbers of issues and pull requests of nodejs/node. */
  issues: number[];
  /** Cited, not measured here; issues as #1. */
  note?: string;
  /** Tries Node alone. */
  node(): Promise<Finding>;
  /** Tries request-scope in the same situation. */
  ours(): Promise<Finding>;
}

export function judge(isRight: boolean, saw: string): Finding {
  return { verdict: isRight ? 'right' : 'wrong', saw };
}

export const NOT_AVAILABLE: Finding = { verdict: 'n/a', saw: 'not available' };

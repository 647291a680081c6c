export interface Finding {
  /** "n/a": this Node has no such feature. */
  verdict: 'right' | 'wrong' | 'n/a';
  /** What was observed, in a few words. */
  saw: string;
}

export interface Trap {
  name: string;
  /** Numbers of issues and pull requests of nodejs/node. */
  issues: number[];
  /** What is known from elsewhere and not measured here; issues as #1. */
  note?: string;
  /** What Node does alone. */
  node(): Promise<Finding>;
  /** What this package does in the same situation. */
  ours(): Promise<Finding>;
}

export function judge(isRight: boolean, saw: string): Finding {
  return { verdict: isRight ? 'right' : 'wrong', saw };
}

export const NOT_THERE: Finding = { verdict: 'n/a', saw: 'not there' };

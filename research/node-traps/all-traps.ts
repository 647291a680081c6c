import { SIGNALS } from './abort-signals.ts';
import { CLOSING } from './closing.ts';
import { HANG_UP } from './hang-up.ts';
import { REQUEST_SIGNAL } from './request-signal.ts';
import type { Finding, Trap } from './trap.ts';
import { USING } from './using.ts';

export const TRAPS: Trap[] = [...HANG_UP, ...REQUEST_SIGNAL, ...SIGNALS, ...CLOSING, ...USING];

export interface Row {
  name: string;
  node: Finding;
  ours: Finding;
}

export interface Report {
  /** The version of Node, such as 20.20.2. */
  version: string;
  rows: Row[];
}

/** Tries a trap on this Node: Node alone, then with request-scope. */
export async function checkTrap({ name, node, ours }: Trap): Promise<Row> {
  return { name, node: await node(), ours: await ours() };
}

/** Tries every trap on this Node, one after another. */
export async function checkTraps(): Promise<Report> {
  const rows: Row[] = [];
  for (const trap of TRAPS) rows.push(await checkTrap(trap));
  return { version: process.versions.node, rows };
}

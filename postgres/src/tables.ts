import { lookForTables, type Run } from './catalog.ts';
import { planTables } from './migration-plan.ts';
import { type Table, TablesRefused } from './table.ts';

export type { Table };

/**
 * One process at a time looks and makes. The name is that of the version before, whose replicas make their
 * tables under the same lock.
 */
const LOCK = "hashtext('schema')";

/** What waits for a table makes all others wait who come later. */
const MAX_WAIT = '5s';

/** SQLSTATEs, but for those of a server or a lock that may do the next time. */
const REFUSED = /^(?!08|25|40|53|55|57|58)\d[\dA-Z]{4}$/;

/** A service's tables, in a schema of their own. */
export class Tables {
  readonly schema: string;
  readonly #tables: readonly Table[];
  /** The statements that the server has refused, and why. */
  #refused: { text: string; error: unknown } | undefined;

  /** `schema`: a name that needs no quotes. */
  constructor(schema: string, tables: readonly Table[]) {
    this.schema = schema;
    this.#tables = tables;
  }

  /**
   * Looks whether the tables are what the service needs, for which it needs no right but to use them, and makes
   * or moves them where that is to be done and the role may do it. All calls of `run` use one connection. Throws
   * TablesRefused, or what `run` throws.
   */
  async prepare(run: Run): Promise<void> {
    if (await this.#isDone(run)) return;
    await run(`select pg_advisory_lock(${LOCK})`);
    try {
      const text = await this.script(run);
      if (!text) return;
      await this.#change(run, text);
      if (await this.script(run)) throw new Error('the tables are not what was made');
    } finally {
      // Where that fails, the lock is gone with its connection.
      await run(`select pg_advisory_unlock(${LOCK})`).catch(() => {});
    }
  }

  /**
   * What `prepare` would run now, as one transaction; empty if there is nothing to be done. Throws TablesRefused,
   * and with `mustBeAllowed` also where the role may not do it.
   */
  async script(run: Run, { mustBeAllowed = true } = {}): Promise<string> {
    const names = this.#tables.map(({ name }) => name);
    const found = await lookForTables(run, this.schema, names);
    const { statements, isAllowed } = planTables(this.schema, this.#tables, found);
    if (statements.length === 0) return '';
    if (mustBeAllowed && !isAllowed) {
      throw new TablesRefused(
        `the tables of schema ${this.schema} are not made yet, or of an earlier version, and role ${found.role} may not change that: run npm run migrate as one that may`,
        { isFinal: false },
      );
    }
    return transaction(statements);
  }

  /** Throws TablesRefused where the tables are not what this version needs: nothing is made. */
  async mustBeThere(run: Run): Promise<void> {
    if (await this.script(run, { mustBeAllowed: false })) {
      throw new TablesRefused(
        `the tables of schema ${this.schema} are not made yet, or of an earlier version: run npm run migrate`,
      );
    }
  }

  /** Without the lock a look is several statements, between which others may make what it looks for. */
  async #isDone(run: Run): Promise<boolean> {
    try {
      return (await this.script(run)) === '';
    } catch (error) {
      if (error instanceof TablesRefused) return false;
      throw error;
    }
  }

  async #change(run: Run, text: string): Promise<void> {
    if (this.#refused?.text === text) throw this.#refused.error;
    try {
      await run(text);
    } catch (error) {
      const { code = '', message } = error as Error & { code?: string };
      if (!REFUSED.test(code)) throw error;
      const line = `the tables of schema ${this.schema} cannot be made or changed (${message}): mend that, and run npm run migrate`;
      this.#refused = { text, error: new TablesRefused(line, { isFinal: false }) };
      throw this.#refused.error;
    }
  }
}

/** The statements that make `tables` in a database in which there is none. */
export function scriptForNone(schema: string, tables: readonly Table[]): string {
  const none = {
    role: '',
    hasSchema: false,
    mayUseSchema: true,
    mayMake: true,
    hasVersions: false,
  };
  return transaction(
    planTables(schema, tables, { ...none, relations: [], versions: new Map() }).statements,
  );
}

function transaction(statements: string[]): string {
  return [
    'begin isolation level read committed',
    `set local lock_timeout = '${MAX_WAIT}'`,
    `select pg_advisory_xact_lock(${LOCK})`,
    ...statements,
    'commit',
    '',
  ].join(';\n');
}

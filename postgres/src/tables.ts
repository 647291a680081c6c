import { type Catalog, type Run, readCatalog } from './catalog.ts';
import { planMigration } from './migration-plan.ts';
import { type Table, TablesRefused } from './table.ts';

export type { Table };

/** One process at a time migrates. Replicas of the previous version create their tables under the same lock. */
const LOCK = "hashtext('schema')";

/** While a migration waits for a table's lock, every later statement on that table waits too. */
const LOCK_TIMEOUT = '5s';

/** SQLSTATEs that waiting does not cure: all but those of a server or a lock. */
const REFUSED = /^(?!08|25|40|53|55|57|58)\d[\dA-Z]{4}$/;

/** The tables of a service, in a schema of their own. */
export class Tables {
  readonly schema: string;
  readonly #tables: readonly Table[];
  /** The script that the server has refused, and its error. */
  #refused: { text: string; error: unknown } | undefined;

  /** `schema` is a name that needs no quotes. */
  constructor(schema: string, tables: readonly Table[]) {
    this.schema = schema;
    this.#tables = tables;
  }

  /**
   * Checks the tables, and creates, moves or upgrades them if necessary. The check needs no privilege but those on
   * the tables. All calls of `run` must use one connection.
   *
   * @throws {TablesRefused} If the tables cannot be used, or the role may not change them.
   * @throws What `run` throws.
   */
  async prepare(run: Run): Promise<void> {
    if (await this.#isDone(run)) return;
    await run(`select pg_advisory_lock(${LOCK})`);
    try {
      const text = await this.script(run);
      if (!text) return;
      await this.#change(run, text);
      if (await this.script(run))
        throw new Error('the migration has not produced the tables of this version');
    } finally {
      // If that fails, the connection is gone and its lock with it.
      await run(`select pg_advisory_unlock(${LOCK})`).catch(() => {});
    }
  }

  /**
   * The transaction that `prepare` would run now; empty if there is nothing to do.
   *
   * @throws {TablesRefused} If the tables cannot be used or, unless `mustBeAllowed` is false, if the role may not
   * change them.
   */
  async script(run: Run, { mustBeAllowed = true } = {}): Promise<string> {
    const names = this.#tables.map(({ name }) => name);
    const catalog = await readCatalog(run, this.schema, names);
    const { statements, isAllowed } = planMigration(this.schema, this.#tables, catalog);
    if (statements.length === 0) return '';
    if (mustBeAllowed && !isAllowed) {
      throw new TablesRefused(
        `the tables of schema ${this.schema} do not exist yet, or have an earlier version, and role ${catalog.role} may not change that: run npm run migrate as a role that may`,
        { isFinal: false },
      );
    }
    return transaction(statements);
  }

  /**
   * Checks the tables, and creates nothing.
   *
   * @throws {TablesRefused} If the tables are not those of this version.
   */
  async mustBeThere(run: Run): Promise<void> {
    if (await this.script(run, { mustBeAllowed: false })) {
      throw new TablesRefused(
        `the tables of schema ${this.schema} do not exist yet, or have an earlier version: run npm run migrate`,
      );
    }
  }

  /**
   * Whether nothing is to be done. False if another process migrates between two statements of this check,
   * which holds no lock.
   */
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
      const line = `the tables of schema ${this.schema} cannot be created or changed (${message}): correct that, and run npm run migrate`;
      this.#refused = { text, error: new TablesRefused(line, { isFinal: false }) };
      throw this.#refused.error;
    }
  }
}

/** The transaction that creates `tables` in an empty database. */
export function scriptForEmptyDatabase(schema: string, tables: readonly Table[]): string {
  const empty: Catalog = {
    role: '',
    hasSchema: false,
    mayUseSchema: true,
    mayCreate: true,
    relations: [],
    versions: new Map(),
    hasVersionsTable: false,
  };
  return transaction(planMigration(schema, tables, empty).statements);
}

function transaction(statements: string[]): string {
  return [
    'begin isolation level read committed',
    `set local lock_timeout = '${LOCK_TIMEOUT}'`,
    `select pg_advisory_xact_lock(${LOCK})`,
    ...statements,
    'commit',
    '',
  ].join(';\n');
}

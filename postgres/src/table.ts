/** What a service does with a table. */
export type Privilege = 'select' | 'insert' | 'update' | 'delete';

/** Columns in their order, each as `name type` or `name type not null`. */
export type Columns = readonly string[];

/** The definition of a table that a service keeps. */
export interface Table {
  readonly name: string;
  readonly privileges: readonly Privilege[];
  /** The columns that the service needs. The table may have more. */
  readonly columns: Columns;
  /**
   * The statements from each version to the next; the first creates the table. `table` is the quoted name with the
   * schema. Never change a migration that has been released: add another. Replicas of the previous version run
   * during the migration, so their statements must still work after it.
   */
  readonly migrations: readonly ((table: string) => readonly string[])[];
  readonly unversioned: Unversioned;
}

/** A table as created by the release that did not number versions yet. It counts as version 1. */
export interface Unversioned {
  /** All its columns: a table with other columns belongs to something else. */
  readonly columns: Columns;
  /**
   * The select list of the view that takes the table's old place, for replicas of the previous version. Without it
   * a table in another schema is not moved, and a new one is created.
   */
  readonly view?: string;
}

/**
 * The tables cannot be used; `message` is one line for the operator. If `isFinal`, waiting does not help: the tables
 * belong to something else, or to another version. Otherwise an operator may still create them, or grant a privilege.
 */
export class TablesRefused extends Error {
  override readonly name = 'TablesRefused';
  readonly code = 'tables';
  readonly isFinal: boolean;

  constructor(message: string, { isFinal = true } = {}) {
    super(message);
    this.isFinal = isFinal;
  }
}

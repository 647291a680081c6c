export type Privilege = 'select' | 'insert' | 'update' | 'delete';

/** Columns in their order, each as `name type`, with ` not null` where that is so. */
export type Columns = readonly string[];

/** A table that a service keeps. */
export interface Table {
  readonly name: string;
  /** What the service does with it. */
  readonly privileges: readonly Privilege[];
  /** What the service needs in it. A table may have more columns. */
  readonly columns: Columns;
  /**
   * The statements that take it from each version to the next; the first makes it. `table` is its quoted
   * name with its schema. A migration that has been released is never changed, another one is added.
   * Replicas of the version before run meanwhile: their statements must go on working.
   */
  readonly migrations: readonly ((table: string) => readonly string[])[];
  readonly unversioned: Unversioned;
}

/** How version 1 of a table was made before there were versions. */
export interface Unversioned {
  /** All that it has: a table with others is somebody else's. */
  readonly columns: Columns;
  /**
   * What a view has to select for the replicas that look for the table where it was. Without it the table is
   * used where it is in the schema of the tables, and nowhere else: it is not worth a move.
   */
  readonly view?: string;
}

/**
 * The tables cannot be used; `message` is one line for the operator. Where `isFinal`, waiting does not help:
 * they are not ours, or not for this version. Otherwise somebody may make them, or grant a privilege.
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

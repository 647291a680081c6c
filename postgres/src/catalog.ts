import { TablesRefused } from './table.ts';

/** Runs one statement, or several that are separated by `;` and have no values, and resolves with the rows. */
export type Run = (text: string, values?: unknown[]) => Promise<Record<string, unknown>[]>;

/** The table that has the version of every other table in its schema. */
export const VERSIONS_TABLE = 'table_versions';
const VERSIONS_COLUMNS = ['table_name text not null', 'version integer not null'];

/** A table or view that has the name of one of the service's tables, in any schema. */
export interface Relation {
  schema: string;
  name: string;
  isTable: boolean;
  /** In the form of Table.columns. */
  columns: string[];
  /** Whether the role may alter it. */
  isOwn: boolean;
  /** The privileges that the role has on it: select, insert, update, delete. */
  privileges: string[];
  /** Whether row-level security may hide rows from the role. */
  hidesRows: boolean;
  /** Whether its schema is on the search path, so that statements without a schema may have used it. */
  isOnPath: boolean;
  /** Whether the role may create something in its schema. */
  mayCreateBeside: boolean;
  /** The other roles that own it or have a privilege on it, quoted. */
  users: string[];
}

/** The state of a database, for a role. It is read from the system catalog, so a table that is missing is no error. */
export interface Catalog {
  role: string;
  hasSchema: boolean;
  mayUseSchema: boolean;
  /** Whether the role may create the schema or, if it exists, tables in it. */
  mayCreate: boolean;
  relations: Relation[];
  /** By the name of the table. */
  versions: Map<string, number>;
  hasVersionsTable: boolean;
}

const SURROUNDINGS = `
  select current_user::text as role, getdatabaseencoding()::text as encoding, exists (
      select from pg_namespace where nspname = $1) as "hasSchema",
    coalesce((select has_schema_privilege(oid, 'usage') from pg_namespace where nspname = $1), false)
      as "mayUseSchema",
    coalesce((select has_schema_privilege(oid, 'create') from pg_namespace where nspname = $1),
      has_database_privilege(current_database(), 'create')) as "mayCreate"`;

const RELATIONS = `
  select n.nspname::text as schema, c.relname::text as name, c.relkind in ('r', 'p') as "isTable",
    pg_has_role(c.relowner, 'usage') as "isOwn", row_security_active(c.oid) as "hidesRows",
    n.nspname = any (current_schemas(false)) as "isOnPath",
    array(select p from unnest(array['select', 'insert', 'update', 'delete']) p
      where has_table_privilege(c.oid, p)) as privileges,
    array(select concat(a.attname, ' ', format_type(a.atttypid, a.atttypmod),
        case when a.attnotnull then ' not null' end)
      from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      order by a.attnum) as columns,
    has_schema_privilege(n.oid, 'create') as "mayCreateBeside",
    array(select quote_ident(r.rolname) from pg_roles r where r.rolname <> current_user
      and (r.oid = c.relowner or r.oid in (select x.grantee from aclexplode(c.relacl) x))) as users
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relname = any ($1) and c.relkind in ('r', 'p', 'v', 'm', 'f')`;

/** The encodings that can store every id. */
const ENCODINGS = ['UTF8', 'SQL_ASCII'];

/**
 * Reads what the catalog says about `schema` and about tables of these names in any schema.
 *
 * @throws {TablesRefused} If the service's tables cannot be in this database, or the role may not read their versions.
 */
export async function readCatalog(run: Run, schema: string, names: string[]): Promise<Catalog> {
  type Surroundings = Omit<Catalog, 'relations' | 'versions' | 'hasVersionsTable'> & {
    encoding: string;
  };
  const [first] = (await run(SURROUNDINGS, [schema])) as unknown as [Surroundings];
  const { encoding, ...surroundings } = first;
  if (!ENCODINGS.includes(encoding)) {
    throw new TablesRefused(`the database's encoding is ${encoding}, it must be UTF8`);
  }
  const relations = (await run(RELATIONS, [[...names, VERSIONS_TABLE]])) as unknown as Relation[];
  const known = relations.find((its) => its.name === VERSIONS_TABLE && its.schema === schema);
  const versions = new Map<string, number>();
  if (known) {
    if (!known.isTable || known.columns.join() !== VERSIONS_COLUMNS.join()) {
      throw new TablesRefused(`${schema}.${VERSIONS_TABLE} is not a table of this service`);
    }
    if (!surroundings.mayUseSchema || !known.privileges.includes('select')) {
      const missing = surroundings.mayUseSchema
        ? `select on ${schema}.${VERSIONS_TABLE}`
        : `usage on schema ${schema}`;
      throw new TablesRefused(`role ${surroundings.role} needs ${missing}`, { isFinal: false });
    }
    const rows = await run(`select table_name, version from "${schema}".${VERSIONS_TABLE}`);
    for (const row of rows) versions.set(String(row.table_name), Number(row.version));
  }
  return { ...surroundings, relations, versions, hasVersionsTable: known !== undefined };
}

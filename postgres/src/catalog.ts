import { TablesRefused } from './table.ts';

/** Runs one statement, or several that are separated by `;` and have no values. */
export type Run = (text: string, values?: unknown[]) => Promise<Record<string, unknown>[]>;

/** Which version of a table there is, in the schema of the tables. */
export const VERSIONS = 'table_versions';
const VERSIONS_COLUMNS = ['table_name text not null', 'version integer not null'];

/** A table or view that has the name of one of ours, wherever it is. */
export interface Relation {
  schema: string;
  name: string;
  isTable: boolean;
  /** As in Table. */
  columns: string[];
  /** Whether the role may change it. */
  isOwn: boolean;
  /** Of select, insert, update and delete: what the role may do with it. */
  privileges: string[];
  /** Whether row-level security may hide rows from the role. */
  hidesRows: boolean;
  /** Whether a statement that names no schema may have meant it. */
  isOnPath: boolean;
  /** Whether the role may make something in its schema. */
  mayMakeBeside: boolean;
  /** The other roles, quoted, that own it or have a privilege. */
  users: string[];
}

/** What is in a database, as its catalog says: nothing here fails because a table is not there. */
export interface Found {
  role: string;
  hasSchema: boolean;
  mayUseSchema: boolean;
  /** Whether the role may make the schema, or tables in it where it is there. */
  mayMake: boolean;
  relations: Relation[];
  /** By a table's name. */
  versions: Map<string, number>;
  hasVersions: boolean;
}

const SURROUNDINGS = `
  select current_user::text as role, getdatabaseencoding()::text as encoding, exists (
      select from pg_namespace where nspname = $1) as "hasSchema",
    coalesce((select has_schema_privilege(oid, 'usage') from pg_namespace where nspname = $1), false)
      as "mayUseSchema",
    coalesce((select has_schema_privilege(oid, 'create') from pg_namespace where nspname = $1),
      has_database_privilege(current_database(), 'create')) as "mayMake"`;

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
    has_schema_privilege(n.oid, 'create') as "mayMakeBeside",
    array(select quote_ident(r.rolname) from pg_roles r where r.rolname <> current_user
      and (r.oid = c.relowner or r.oid in (select x.grantee from aclexplode(c.relacl) x))) as users
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relname = any ($1) and c.relkind in ('r', 'p', 'v', 'm', 'f')`;

/** An encoding in which every id is what it was: no other has all characters. */
const ENCODINGS = ['UTF8', 'SQL_ASCII'];

/** Looks for tables of these names. Throws TablesRefused where no table of ours can be. */
export async function lookForTables(run: Run, schema: string, names: string[]): Promise<Found> {
  type Surroundings = Omit<Found, 'relations' | 'versions' | 'hasVersions'> & { encoding: string };
  const [surroundings] = (await run(SURROUNDINGS, [schema])) as unknown as [Surroundings];
  const { encoding, ...found } = surroundings;
  if (!ENCODINGS.includes(encoding)) {
    throw new TablesRefused(`the database's encoding is ${encoding}, it must be UTF8`);
  }
  const relations = (await run(RELATIONS, [[...names, VERSIONS]])) as unknown as Relation[];
  const known = relations.find((its) => its.name === VERSIONS && its.schema === schema);
  const versions = new Map<string, number>();
  if (known) {
    if (!known.isTable || known.columns.join() !== VERSIONS_COLUMNS.join()) {
      throw new TablesRefused(`${schema}.${VERSIONS} is not a table of this service`);
    }
    if (!found.mayUseSchema || !known.privileges.includes('select')) {
      const missing = found.mayUseSchema
        ? `select on ${schema}.${VERSIONS}`
        : `usage on schema ${schema}`;
      throw new TablesRefused(`role ${found.role} needs ${missing}`, { isFinal: false });
    }
    const rows = await run(`select table_name, version from "${schema}".${VERSIONS}`);
    for (const row of rows) versions.set(String(row.table_name), Number(row.version));
  }
  return { ...found, relations, versions, hasVersions: known !== undefined };
}

import { type Catalog, type Relation, VERSIONS_TABLE } from './catalog.ts';
import { type Table, TablesRefused } from './table.ts';

/** The steps that are missing, for one table or for all. */
interface Plan {
  statements: string[];
  /** Whether the role may take them. */
  isAllowed: boolean;
}

const NOTHING: Plan = { statements: [], isAllowed: true };

/**
 * The statements that create `tables` or upgrade them to this version; none if nothing is to be done.
 *
 * @throws {TablesRefused} If a table belongs to something else, is of a later version, or may not be used.
 */
export function planMigration(schema: string, tables: readonly Table[], catalog: Catalog): Plan {
  const plans = tables.map((table) => planTable(schema, table, catalog));
  const statements = plans.flatMap((plan) => plan.statements);
  if (statements.length === 0) return NOTHING;
  if (!catalog.hasVersionsTable) {
    statements.unshift(
      `create table "${schema}".${VERSIONS_TABLE} (table_name text collate "C" primary key, version integer not null)`,
    );
  }
  if (!catalog.hasSchema) statements.unshift(`create schema "${schema}"`);
  return { statements, isAllowed: catalog.mayCreate && plans.every(({ isAllowed }) => isAllowed) };
}

function planTable(schema: string, table: Table, catalog: Catalog): Plan {
  const latest = table.migrations.length;
  const named = catalog.relations.filter(({ name }) => name === table.name);
  const there = named.find((relation) => relation.schema === schema);
  const version = catalog.versions.get(table.name);
  const name = `${schema}.${table.name}`;
  if (version === undefined) return planUnversioned(schema, table, named);
  if (version > latest) {
    throw new TablesRefused(
      `${name} has version ${version}, but this version of the service only knows ${latest}`,
    );
  }
  if (!there) {
    throw new TablesRefused(
      `${name} is missing, though ${schema}.${VERSIONS_TABLE} lists it: restore it, or delete that row`,
    );
  }
  if (!there.isTable) throw notOurs(there);
  if (version < latest) {
    return { statements: migrate(schema, table, version), isAllowed: there.isOwn };
  }
  check(table, there, catalog);
  return NOTHING;
}

/** Adopts or moves the table that was used before there were versions, or creates a new one. */
function planUnversioned(schema: string, table: Table, named: Relation[]): Plan {
  const { view } = table.unversioned;
  const there = named.find((relation) => relation.schema === schema);
  if (there && !isUnversioned(table, there)) throw notOurs(there);
  const elsewhere = view
    ? named.filter((relation) => relation !== there && isUnversioned(table, relation))
    : [];
  const onPath = elsewhere.filter(({ isOnPath }) => isOnPath);
  const [former, another] = there ? [there, ...onPath] : onPath;
  if (former && another) {
    throw new TablesRefused(
      `the previous version has stored ${table.name} in ${former.schema} and in ${another.schema}: rename the one that should not be used`,
    );
  }
  if (there) return { statements: adopt(schema, table, there), isAllowed: there.isOwn };
  if (former) {
    const isAllowed = former.isOwn && former.mayCreateBeside;
    return { statements: move(schema, table, former), isAllowed };
  }
  const hidden = elsewhere.find(({ privileges }) => privileges.includes('select'));
  if (!hidden) return { statements: migrate(schema, table, 0), isAllowed: true };
  throw new TablesRefused(
    `${hidden.schema}.${hidden.name} has the data of the previous version: set DATABASE_SCHEMA=${hidden.schema} to use it there`,
  );
}

/** Gives the table a version. All roles that use the table may read it. */
function adopt(schema: string, table: Table, { users }: Relation): string[] {
  const statements = migrate(schema, table, 1);
  if (users.length === 0) return statements;
  const grantees = users.join(', ');
  return [
    ...statements,
    `grant usage on schema "${schema}" to ${grantees}`,
    `grant select on "${schema}".${VERSIONS_TABLE} to ${grantees}`,
  ];
}

/**
 * Leaves a view in the table's old place, so that replicas of the previous version create no other table there.
 */
function move(schema: string, table: Table, former: Relation): string[] {
  const was = `"${former.schema.replaceAll('"', '""')}".${table.name}`;
  const statements = [
    `alter table ${was} set schema "${schema}"`,
    ...adopt(schema, table, former),
    `create view ${was} as select ${table.unversioned.view} from "${schema}".${table.name}`,
  ];
  if (former.users.length === 0) return statements;
  const grantees = former.users.join(', ');
  return [...statements, `grant select, insert, update, delete on ${was} to ${grantees}`];
}

function migrate(schema: string, table: Table, from: number): string[] {
  const { name, migrations } = table;
  const changes = migrations.slice(from).flatMap((change) => change(`"${schema}".${name}`));
  const version = `insert into "${schema}".${VERSIONS_TABLE} values ('${name}', ${migrations.length})
  on conflict (table_name) do update set version = excluded.version`;
  return [...changes, version];
}

/** @throws {TablesRefused} If the table lacks a column, or the role a privilege. */
function check(table: Table, there: Relation, { role, mayUseSchema }: Catalog): void {
  const name = `${there.schema}.${there.name}`;
  const missing = table.columns.filter((column) => !there.columns.includes(column));
  if (missing.length > 0) throw new TablesRefused(`${name} lacks ${missing.join(', ')}`);
  const refused = table.privileges.filter((privilege) => !there.privileges.includes(privilege));
  const needs = (what: string) =>
    new TablesRefused(`role ${role} needs ${what}`, { isFinal: false });
  if (!mayUseSchema) throw needs(`usage on schema ${there.schema}`);
  if (refused.length > 0) throw needs(`${refused.join(', ')} on ${name}`);
  if (there.hidesRows)
    throw new TablesRefused(`row-level security hides rows of ${name} from role ${role}`);
}

function isUnversioned(table: Table, relation: Relation): boolean {
  return relation.isTable && relation.columns.join() === table.unversioned.columns.join();
}

function notOurs({ schema, name }: Relation): TablesRefused {
  return new TablesRefused(
    `${schema}.${name} is not a table of this service: set DATABASE_SCHEMA to a schema of its own`,
  );
}

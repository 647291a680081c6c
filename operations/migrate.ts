import { parseArgs } from 'node:util';
import {
  type Run,
  scriptForEmptyDatabase,
  type Table,
  Tables,
  VERSIONS_TABLE,
} from '../postgres/src/index.ts';
import { readDatabaseConfig, runCommand, withDatabase } from './command.ts';
import { TABLES } from './tables.ts';

const USAGE = `Creates the tables of the three services, or upgrades them to this version.
You can run it at any time, and more than once.

  npm run migrate                       create or upgrade the tables, as the
                                        role of DATABASE_URL
  npm run migrate -- --sql              print the SQL instead: for the database
                                        at DATABASE_URL, or for an empty one
  npm run migrate -- --grant-to ROLE    also let ROLE use the tables, for
                                        services that may not create tables

Variables, set or in .env: DATABASE_URL, DATABASE_PASSWORD_FILE,
DATABASE_SCHEMA (orders).
`;

const OPTIONS = {
  sql: { type: 'boolean' },
  'grant-to': { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

await runCommand('migrate', async () => {
  const { values } = parseArgs({ options: OPTIONS });
  if (values.help) return void process.stdout.write(USAGE);
  const database = readDatabaseConfig();
  const { schema } = database;
  const tables = new Tables(schema, TABLES);
  const role = values['grant-to'];
  const grants = role === undefined ? [] : grantsTo(role, schema, TABLES);
  if (values.sql) {
    if (!database.url) return print(scriptForEmptyDatabase(schema, TABLES), grants);
    const script = (run: Run) => tables.script(run, { mustBeAllowed: false });
    return await withDatabase(database, async (run) => print(await script(run), grants));
  }
  await withDatabase(database, async (run) => {
    await tables.prepare(run);
    for (const grant of grants) await run(grant);
  });
  process.stdout.write(`The tables of schema ${schema} are those of this version.\n`);
});

/** The privileges that a role needs to use the tables, but not to alter them. */
function grantsTo(role: string, schema: string, tables: readonly Table[]): string[] {
  const grantee = `"${role.replaceAll('"', '""')}"`;
  return [
    `grant usage on schema "${schema}" to ${grantee}`,
    `grant select on "${schema}".${VERSIONS_TABLE} to ${grantee}`,
    ...tables.map(
      ({ name, privileges }) =>
        `grant ${privileges.join(', ')} on "${schema}".${name} to ${grantee}`,
    ),
  ];
}

function print(script: string, grants: string[]): void {
  const statements = grants.map((grant) => `${grant};\n`).join('');
  process.stdout.write(script + statements || '-- There is nothing to do.\n');
}

import { sql as drizzleSql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import knex from 'knex';
import { Kysely, sql as kyselySql, PostgresDialect } from 'kysely';
import pg from 'pg';
import postgres from 'postgres';
import { createPool } from 'request-scope-pg';
import { Sequelize } from 'sequelize';
import { DataSource } from 'typeorm';

const NEXT_ROW = '`pg` takes no signal; see the next row';

/** Clients of PostgreSQL. In a line with `scope`, `pool` is ours. */
export async function postgresClients({ postgresUrl }) {
  const connectionString = postgresUrl;
  const ours = createPool(postgresUrl, { maxConnections: 2 });
  const pool = new pg.Pool({ connectionString });
  const poolThatEnds = {
    call: ({ pool, sql, values }) => pool.query(sql, values),
    cleanUp: ({ pool }) => pool.end(),
  };
  const postgresJs = postgres(postgresUrl);
  const kysely = new Kysely({
    dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString }) }),
  });
  const builder = drizzle({ client: pool });
  const knexJs = knex({ client: 'pg', connection: postgresUrl });
  const sequelize = new Sequelize(postgresUrl, { logging: false });
  const typeorm = await new DataSource({ type: 'postgres', url: postgresUrl }).initialize();

  const inKysely = ({ values: [id] }) => {
    const answer = kyselySql`pg_advisory_xact_lock(${id})::text`.as('answer');
    return { query: kysely.selectNoFrom(answer), pool: ours };
  };
  const inDrizzle = ({ values: [id] }) => {
    const answer = drizzleSql`pg_advisory_xact_lock(${id})::text`;
    return { query: builder.select({ answer }).from(drizzleSql`(select) as one`), pool: ours };
  };
  const inKnex = ({ values }) => {
    const answer = knexJs.raw('pg_advisory_xact_lock(?)::text as answer', values);
    return { query: knexJs.select(answer), pool: ours };
  };
  const inTypeorm = ({ values: [id] }) => {
    const query = typeorm.createQueryBuilder().from('(select)', 'one');
    query.select('pg_advisory_xact_lock(:id)::text', 'answer').setParameters({ id });
    return { query, pool: ours };
  };

  const clients = [
    {
      package: 'pg',
      prepare: () => ({ pool }),
      call: ({ pool, sql, values }) => pool.query(sql, values),
      goesOn: NEXT_ROW,
      ownTimeouts: [
        {
          option: 'query_timeout',
          goesOn: true,
          ...poolThatEnds,
          prepare: ({ timeoutMs: query_timeout }) => ({
            pool: new pg.Pool({ connectionString, query_timeout }),
          }),
        },
        {
          option: 'statement_timeout',
          ...poolThatEnds,
          prepare: ({ timeoutMs: statement_timeout }) => ({
            pool: new pg.Pool({ connectionString, statement_timeout }),
          }),
        },
      ],
    },
    {
      package: 'pg',
      detail: 'with `createPool` of `request-scope-pg`',
      prepare: () => ({ pool: ours }),
      call: ({ pool, sql, values, scope }) => pool.query(sql, values, scope),
    },
    {
      package: 'postgres',
      note: 'A cancel that arrives late stops the next query of the connection; with `createPool` it cannot.',
      prepare: ({ values: [id] }) => ({
        query: postgresJs`select pg_advisory_xact_lock(${id})::text`,
      }),
      call: ({ query, signal }) => {
        signal.addEventListener('abort', () => query.cancel());
        return query;
      },
      ownTimeouts: [
        {
          option: 'statement_timeout',
          prepare: ({ values: [id], timeoutMs: statement_timeout }) => {
            const tag = postgres(postgresUrl, { connection: { statement_timeout } });
            return { tag, query: tag`select pg_advisory_xact_lock(${id})::text` };
          },
          cleanUp: ({ tag }) => tag.end(),
        },
      ],
    },
    {
      package: 'kysely',
      note: 'It logs each canceled query. It declares Node 22, and ran on 20.',
      prepare: inKysely,
      call: ({ query, signal }) =>
        query.execute({ signal, inflightQueryAbortStrategy: 'cancel query' }),
    },
    {
      package: 'kysely',
      detail: 'without a strategy',
      prepare: inKysely,
      call: ({ query, signal }) => query.execute({ signal }),
      goesOn: 'the default is `ignore query`',
    },
    {
      package: 'drizzle-orm',
      prepare: inDrizzle,
      call: async ({ query }) => await query,
      goesOn: NEXT_ROW,
    },
    {
      package: 'drizzle-orm',
      detail: 'compiled for `createPool`',
      prepare: inDrizzle,
      call: ({ query, pool, scope }) => {
        const { sql, params } = query.toSQL();
        return pool.query(sql, params, scope);
      },
    },
    {
      package: 'knex',
      prepare: inKnex,
      call: async ({ query }) => await query,
      goesOn: NEXT_ROW,
      ownTimeouts: [
        {
          option: 'timeout',
          note: 'with `cancel: true`',
          call: ({ query, timeoutMs }) => query.timeout(timeoutMs, { cancel: true }),
        },
      ],
    },
    {
      package: 'knex',
      detail: 'compiled for `createPool`',
      prepare: inKnex,
      call: ({ query, pool, scope }) => {
        const { sql, bindings } = query.toSQL().toNative();
        return pool.query(sql, bindings, scope);
      },
    },
    {
      package: 'typeorm',
      prepare: inTypeorm,
      call: ({ query }) => query.getRawOne(),
      goesOn: NEXT_ROW,
    },
    {
      package: 'typeorm',
      detail: 'compiled for `createPool`',
      prepare: inTypeorm,
      call: ({ query, pool, scope }) => {
        const [sql, params] = query.getQueryAndParameters();
        return pool.query(sql, params, scope);
      },
    },
    {
      package: 'sequelize',
      prepare: () => ({ sequelize }),
      call: ({ sequelize, sql, values }) => sequelize.query(sql, { bind: values }),
      goesOn: '`pg` takes no signal, and `sequelize` gives its SQL to no other pool',
      ownTimeouts: [
        {
          option: 'statement_timeout',
          prepare: ({ timeoutMs: statement_timeout }) => ({
            sequelize: new Sequelize(postgresUrl, {
              logging: false,
              dialectOptions: { statement_timeout },
            }),
          }),
          call: ({ sequelize, sql, values }) => sequelize.query(sql, { bind: values }),
          cleanUp: ({ sequelize }) => sequelize.close(),
        },
      ],
    },
  ];
  for (const client of clients) client.far = 'postgres';
  return {
    title: 'PostgreSQL',
    clients,
    async close() {
      await ours.close();
      await postgresJs.end();
      await kysely.destroy();
      await knexJs.destroy();
      await sequelize.close();
      await typeorm.destroy();
      await pool.end();
    },
  };
}

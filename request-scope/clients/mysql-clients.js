import mysql from 'mysql2/promise';

/** Clients of MySQL and MariaDB. */
export function mysqlClients({ mysqlUrl }) {
  const pool = mysql.createPool(mysqlUrl);
  const kills = mysql.createPool(mysqlUrl);
  const clients = [
    {
      package: 'mysql2',
      prepare: () => ({ pool }),
      call: ({ pool, sql, values }) => pool.query(sql, values),
      goesOn: 'it takes no signal; see the next row',
      ownTimeouts: [
        {
          option: 'timeout',
          goesOn: true,
          call: ({ pool, sql, values, timeoutMs }) =>
            pool.query({ sql, values, timeout: timeoutMs }),
        },
      ],
    },
    {
      package: 'mysql2',
      detail: 'with `kill query`',
      note: 'A kill that arrives before its query stops nothing. A late one would stop the next query of the connection, which is therefore closed. `kills` is a second pool.',
      prepare: async () => ({ pool, kills }),
      call: async ({ pool, kills, sql, values, signal }) => {
        const connection = await pool.getConnection();
        const kill = () => kills.query('kill query ?', [connection.threadId]).catch(() => {});
        try {
          signal.throwIfAborted();
          signal.addEventListener('abort', kill);
          return await connection.query(sql, values);
        } finally {
          if (signal.aborted) connection.destroy();
          else connection.release();
        }
      },
    },
  ];
  for (const client of clients) client.far = 'mysql';
  return {
    title: 'MySQL and MariaDB',
    clients,
    async close() {
      await pool.end();
      await kills.end();
    },
  };
}

import { Redis } from 'ioredis';
import { createClient } from 'redis';

/** Clients of Redis, with a command that blocks. */
export async function redisClients({ redisUrl }) {
  const ioredis = new Redis(redisUrl);
  const quiet = (client) => client.on('error', () => {});
  const redis = await quiet(createClient({ url: redisUrl })).connect();
  const ownConnection = async () => ({ connection: await quiet(redis.duplicate()).connect() });
  const clients = [
    {
      package: 'ioredis',
      prepare: () => ({ redis: ioredis }),
      call: ({ redis, key, signal }) => {
        const connection = redis.duplicate();
        signal.addEventListener('abort', () => connection.disconnect());
        return connection.blpop(key, 0).finally(() => connection.disconnect());
      },
      ownTimeouts: [
        {
          option: 'commandTimeout',
          goesOn: true,
          prepare: ({ timeoutMs }) => ({ redis: ioredis.duplicate({ commandTimeout: timeoutMs }) }),
          call: ({ redis, key }) => redis.blpop(key, 0),
          cleanUp: ({ redis }) => redis.disconnect(),
        },
      ],
    },
    {
      package: 'redis',
      prepare: () => ({ redis }),
      call: async ({ redis, key, signal }) => {
        const connection = redis.duplicate().on('error', () => {});
        const close = () => connection.isOpen && connection.destroy();
        signal.addEventListener('abort', close);
        await connection.connect();
        return await connection.blPop(key, 0).finally(close);
      },
    },
    {
      package: 'redis',
      detail: '`withAbortSignal` alone',
      prepare: ownConnection,
      call: ({ connection, key, signal }) => connection.withAbortSignal(signal).blPop(key, 0),
      goesOn: 'it takes back only a command that is not yet sent',
      cleanUp: ({ connection }) => connection.destroy(),
    },
  ];
  for (const client of clients) client.far = 'redis';
  return {
    title: 'Redis',
    clients,
    close() {
      ioredis.disconnect();
      redis.destroy();
    },
  };
}

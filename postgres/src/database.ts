import type { Pool } from './pool.ts';

/** Where it is told that the server is there, or is not; a pino logger, for instance. */
interface Log {
  info(message: string): void;
  warn(message: string): void;
  error(fields: object, message: string): void;
}

/** A service's database. */
export interface Database {
  readonly pool: Pool;
  /** False until the server is there and has the service's tables, and whenever it is lost or read-only. */
  readonly isAvailable: boolean;
  /** Calls `onPayload` with what is notified on `channel`, until it is closed. */
  listen(channel: string, onPayload: (payload: string) => void): void;
  /** Listens no more; resolves once the pool's queries have ended. */
  close(): Promise<void>;
}

/**
 * The database at `url`, in which `schema` is made as soon as its server is there; until `signal` aborts
 * it is looked for again and again. Loads the driver, which a service in memory never does.
 */
export async function openDatabase(
  url: string,
  schema: string,
  maxConnections: number,
  logger: Log,
  signal: AbortSignal,
): Promise<Database> {
  const { createPool, listen, watch } = await import('./index.ts');
  let isAvailable = false;
  const watcher = {
    up() {
      isAvailable = true;
      logger.info('Database available');
    },
    down({ message, code = message }: NodeJS.ErrnoException) {
      isAvailable = false;
      logger.warn(`Database unavailable (${code}), it is tried again`);
    },
  };
  const pool = createPool(url, { maxConnections });
  const closing = new AbortController();
  watch(url, schema, watcher, signal).catch((err) => logger.error({ err }, 'Internal error'));
  return {
    pool,
    listen: (channel, onPayload) => void listen(url, channel, onPayload, closing.signal),
    close() {
      closing.abort();
      return pool.close();
    },
    get isAvailable() {
      return isAvailable;
    },
  };
}

import type { Run } from './look-for-tables.ts';
import type { Pool } from './pool.ts';
import { TablesRefused } from './table.ts';
import type { Tables } from './tables.ts';

/** Where it is told that the server is there, or is not; a pino logger, for instance. */
interface Log {
  info(message: string): void;
  warn(message: string): void;
  error(fields: object, message: string): void;
}

/** A service's database. */
export interface Database {
  readonly pool: Pool;
  /** The schema of the service's tables. */
  readonly schema: string;
  /** False until the server is there and has the service's tables, and whenever it is lost or read-only. */
  readonly isAvailable: boolean;
  /** Calls `onPayload` with what is notified on `channel`, until it is closed. */
  listen(channel: string, onPayload: (payload: string) => void): void;
  /** Listens no more; resolves once the pool's queries have ended. */
  close(): Promise<void>;
}

/**
 * The database at `url`, in which `tables` are looked for, or made, as soon as its server is there; until `signal`
 * aborts it is looked for again and again. Where they turn out to be of no use before they have ever been used,
 * `refuse` is called. Loads the driver, which a service in memory never does.
 */
export async function openDatabase(
  url: string,
  tables: Pick<Tables, 'schema' | 'prepare'>,
  maxConnections: number,
  logger: Log,
  signal: AbortSignal,
  refuse: (reason: TablesRefused) => void = () => {},
): Promise<Database> {
  const { createPool, listen, watch } = await import('./index.ts');
  let isAvailable = false;
  let wasAvailable = false;
  let refused = '';
  const prepare = async (run: Run) => {
    try {
      await tables.prepare(run);
      refused = '';
    } catch (error) {
      if (error instanceof TablesRefused) {
        if (error.isFinal && !wasAvailable) refuse(error);
        // Once, however often it is looked.
        else if (error.message !== refused)
          logger.error({}, `Database not ready: ${error.message}`);
        refused = error.message;
      }
      throw error;
    }
  };
  const watcher = {
    up() {
      isAvailable = true;
      wasAvailable = true;
      logger.info('Database available');
    },
    down({ message, code = message }: NodeJS.ErrnoException) {
      isAvailable = false;
      if (message !== refused) logger.warn(`Database unavailable (${code}), it is tried again`);
    },
  };
  const pool = createPool(url, { maxConnections });
  const closing = new AbortController();
  watch(url, prepare, watcher, signal).catch((err) => logger.error({ err }, 'Internal error'));
  return {
    pool,
    schema: tables.schema,
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

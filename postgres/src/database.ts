import type { Run } from './catalog.ts';
import type { ConnectOptions, Pool } from './index.ts';
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
  /**
   * False until the server is there and has the service's tables, and whenever it is lost or read-only, or
   * most queries have failed for its sake.
   */
  readonly isAvailable: boolean;
  /** Why it is not available, in one word: `ECONNREFUSED`, or an SQLSTATE. */
  readonly reason?: string | undefined;
  /** Calls `onPayload` with what is notified on `channel`, until it is closed. */
  listen(channel: string, onPayload: (payload: string) => void): void;
  /** Listens no more; resolves once the pool's queries have ended. */
  close(): Promise<void>;
}

export interface DatabaseOptions extends ConnectOptions {
  /** Called where the tables turn out to be of no use before they have ever been used. */
  onRefused?: (reason: TablesRefused) => void;
}

const codeOf = ({ code, message }: NodeJS.ErrnoException) => code ?? message;

/** A short write has failed by then, if one was begun when the last one did. */
const QUIET_LOOKS = 6;

/**
 * The database at `url`, in which `tables` are looked for, or made, as soon as its server is there; until `signal`
 * aborts it is looked for again and again. Loads the driver, which a service in memory never does.
 */
export async function openDatabase(
  url: string,
  tables: Pick<Tables, 'schema' | 'prepare'>,
  maxConnections: number,
  logger: Log,
  signal: AbortSignal,
  { onRefused, ...options }: DatabaseOptions = {},
): Promise<Database> {
  const { createPool, listen, watch } = await import('./index.ts');
  const pool = createPool(url, { ...options, maxConnections });
  const closing = new AbortController();
  const readiness = new Readiness(logger, pool);
  const prepare = async (run: Run) => {
    try {
      await tables.prepare(run);
    } catch (error) {
      if (error instanceof TablesRefused) {
        if (error.isFinal && !readiness.wasReady) onRefused?.(error);
        readiness.down(error);
      }
      throw error;
    }
  };
  watch(url, prepare, readiness, signal, options).catch((err) =>
    logger.error({ err }, 'Internal error'),
  );
  return {
    pool,
    schema: tables.schema,
    listen: (channel, onPayload) => void listen(url, channel, onPayload, closing.signal, options),
    close() {
      closing.abort();
      return pool.close();
    },
    get isAvailable() {
      return readiness.isReady === true;
    },
    get reason() {
      return readiness.reason;
    },
  };
}

/**
 * Whether queries would be answered: what the last look at the server has found, and how those have ended
 * that came since the one before.
 */
class Readiness {
  /** Undefined before the first look. */
  isReady: boolean | undefined;
  wasReady = false;
  reason: string | undefined;
  readonly #logger: Log;
  readonly #pool: Pool;
  /** What the last look has found, unless the server is there. */
  #away: Error | undefined;
  /** The code of the queries that failed, where those that ended last were most of them such. */
  #trouble: string | undefined;
  /** Why the tables were of no use, as it was told last. */
  #refusal: string | undefined;
  #quietLooks = 0;

  constructor(logger: Log, pool: Pool) {
    this.#logger = logger;
    this.#pool = pool;
  }

  up(): void {
    this.#away = undefined;
    // What was opened while the server was read-only would stay so.
    this.#pool.renew();
  }

  down(error: Error): void {
    this.#away = error;
  }

  looked(): void {
    const { answered, failed, failure } = this.#pool.takeOutcomes();
    this.#quietLooks = answered + failed > 0 ? 0 : this.#quietLooks + 1;
    if (failed > answered) this.#trouble = failure;
    else if (answered > 0 || this.#quietLooks > QUIET_LOOKS) this.#trouble = undefined;
    // Nobody is to wait for a server that is not there; one that answers lets some in, or some read.
    if (!this.#away) this.#pool.refuse(undefined);
    else if (answered === 0) this.#pool.refuse({ code: codeOf(this.#away), cause: this.#away });
    this.#tell();
  }

  /** One line for each change, however often it is looked. */
  #tell(): void {
    this.reason = (this.#away && codeOf(this.#away)) ?? this.#trouble;
    const isReady = this.reason === undefined;
    const refusal = this.#away instanceof TablesRefused ? this.#away.message : undefined;
    if (isReady === this.isReady && refusal === this.#refusal) return;
    this.isReady = isReady;
    this.#refusal = refusal;
    this.wasReady ||= isReady;
    if (isReady) this.#logger.info('Database available');
    else if (refusal) this.#logger.error({}, `Database not ready: ${refusal}`);
    else this.#logger.warn(`Database unavailable (${this.reason}), it is tried again`);
  }
}

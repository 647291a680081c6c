import type { Pool, ReconnectOptions } from 'request-scope-pg';
import type { Run } from './catalog.ts';
import { TablesRefused } from './table.ts';
import type { Tables } from './tables.ts';

/** A logger for changes of availability, such as pino's. */
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
   * True while the server is there, can be written to, and has the service's tables; but false while most queries
   * fail because of the database.
   */
  readonly isAvailable: boolean;
  /** Why the database is not available, in one word: `ECONNREFUSED`, or an SQLSTATE. */
  readonly reason?: string | undefined;
  /** Calls `onPayload` with each notification on `channel`, until the database is closed. */
  listen(channel: string, onPayload: (payload: string) => void): void;
  /** Stops listening, and resolves once the queries of the pool have ended. */
  close(): Promise<void>;
}

export interface DatabaseOptions extends ReconnectOptions {
  /** The service's tables, which are checked, created or upgraded as soon as the server is there. */
  tables: Pick<Tables, 'schema' | 'prepare'>;
  /** How many queries of the service run at a time. */
  maxConnections: number;
  logger: Log;
  /** Ends the checks of the server. */
  signal: AbortSignal;
  /** Called if the tables turn out to be unusable before they have ever been used. */
  onRefused?: (reason: TablesRefused) => void;
}

const codeOf = ({ code, message }: NodeJS.ErrnoException) => code ?? message;

/** This many checks take longer than a short write: one that began when the last query failed has ended too. */
const QUIET_CHECKS = 6;

/**
 * Opens the database at `url` for a service. One URL opens four kinds of connection:
 *
 * - the pool's, for the service's queries: at most `maxConnections`, opened when they are needed;
 * - one that checks the server once a second and prepares the tables, and briefly another that is being closed;
 * - one for each channel that `listen` is called with;
 * - one for each cancel request: at most 20 at a time, without a log-in and closed at once.
 *
 * Behind a pooler the first of a kind opens one more, for a moment.
 *
 * Loads pg only when it is called, so a service that keeps its state in memory never does.
 */
export async function openDatabase(
  url: string,
  { tables, maxConnections, logger, signal, onRefused, ...options }: DatabaseOptions,
): Promise<Database> {
  const { createPool, listen } = await import('request-scope-pg');
  const { watchAvailability } = await import('./watch-availability.ts');
  const pool = createPool(url, { ...options, maxConnections });
  const closing = new AbortController();
  // Until the first check, a new database has no tables yet.
  pool.refuse({ code: 'starting', cause: new Error('it has not been checked yet') });
  const readiness = new Readiness(logger, pool);
  const prepare = async (run: Run) => {
    try {
      await tables.prepare(run);
    } catch (error) {
      const isFinal = error instanceof TablesRefused && error.isFinal;
      if (isFinal && !readiness.wasReady) onRefused?.(error);
      throw error;
    }
  };
  watchAvailability(url, prepare, readiness, signal, options).catch((err) =>
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
 * Whether a query would be answered, judging by the last check and by how the queries since the one before have
 * ended.
 */
class Readiness {
  /** Undefined before the first check. */
  isReady: boolean | undefined;
  wasReady = false;
  reason: string | undefined;
  readonly #logger: Log;
  readonly #pool: Pool;
  /** Why the last check has failed, if it has. */
  #away: Error | undefined;
  /** The code of the failing queries, while more fail than are answered. */
  #trouble: string | undefined;
  /** The reason why the tables cannot be used that was logged last. */
  #refusal: string | undefined;
  #quietChecks = 0;

  constructor(logger: Log, pool: Pool) {
    this.#logger = logger;
    this.#pool = pool;
  }

  up(): void {
    // A connection that was opened while the server was read-only stays read-only.
    this.#pool.renew();
  }

  checked(away: Error | undefined): void {
    this.#away = away;
    const { answered, failed, failure } = this.#pool.takeOutcomes();
    this.#quietChecks = answered + failed > 0 ? 0 : this.#quietChecks + 1;
    if (failed > answered) this.#trouble = failure;
    else if (answered > 0 || this.#quietChecks > QUIET_CHECKS) this.#trouble = undefined;
    // No query should wait for a server that is away. While some are still answered, the server lets in some
    // clients, or only readers. A database that was never there may have no tables.
    if (!this.#away) this.#pool.refuse(undefined);
    else if (answered === 0 || !this.wasReady)
      this.#pool.refuse({ code: codeOf(this.#away), cause: this.#away });
    this.#log();
  }

  /** Writes one line for each change. */
  #log(): void {
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

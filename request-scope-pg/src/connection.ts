import { readFile } from 'node:fs/promises';
import type { Duplex } from 'node:stream';
import { Client, type ClientConfig, type QueryResult, type QueryResultRow } from 'pg';
import type { ConnectOptions } from './connect-options.ts';
import { guardProtocol } from './protocol-guard.ts';
import { Sessions } from './session.ts';

/** The silence after which TCP probes the peer. Node sends ten probes, a second apart. */
const KEEP_ALIVE_MS = 10_000;

/** How long the server has to close a connection after Terminate. */
const TERMINATE_MS = 1_000;

type Callback = (error: Error | null, client?: Connection) => void;

/** Members of pg's client that its types leave out. */
interface Internals {
  password: unknown;
  connection: {
    stream: Duplex;
    attachListeners: (stream: Duplex) => void;
    password: (password: string | null) => void;
  };
}

/** pg's settings for a connection to the server at `url`. */
export function clientConfig(url: string, options: ConnectOptions) {
  const { passwordFile, applicationName, connectTimeoutMs = 5_000 } = options;
  const bare = {
    connectionString: url,
    fallback_application_name: applicationName,
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
    passwordFile,
  };
  const openBare = (timeoutMs: number) =>
    new Connection({ ...bare, connectionTimeoutMillis: timeoutMs });
  return { ...bare, sessions: new Sessions(openBare) };
}

interface Config extends ClientConfig {
  connectionTimeoutMillis: number;
  passwordFile?: string | undefined;
  /** Sets up the session; without it the session stays as it is. */
  sessions?: Sessions;
}

/**
 * pg's client with two guarantees: no server can crash the process, and every wait has a bound. A connection
 * that does not speak the protocol, or does not end in time, is closed.
 */
export class Connection extends Client {
  /** These two identify the session in a cancel request. */
  declare readonly processID: number | null;
  declare readonly secretKey: number | null;
  readonly #timeoutMs: number;
  readonly #sessions: Sessions | undefined;

  constructor(config: Config) {
    super(config);
    this.#timeoutMs = config.connectionTimeoutMillis;
    this.#sessions = config.sessions;
    // The pending query rejects with the error too. Without a listener the process would crash.
    this.on('error', () => {});
    const { passwordFile } = config;
    const internals = this as unknown as Internals;
    if (passwordFile) internals.password = () => readPassword(passwordFile);
    const { connection } = internals;
    // pg throws in its socket's listener if a server asks for a password and there is none.
    const sendPassword = connection.password;
    connection.password = (password) => sendPassword.call(connection, password ?? '');
    const attach = connection.attachListeners;
    connection.attachListeners = (stream) => {
      attach.call(connection, stream);
      guardProtocol(stream);
    };
  }

  override connect(): Promise<Client>;
  override connect(callback: Callback): void;
  override connect(callback?: Callback): Promise<Client> | undefined {
    const opened = super.connect().then(async () => {
      await this.#sessions?.setUp(this, this.#timeoutMs);
      // pg-pool closes a connection that opens too slowly, and does not look at it again.
      if (this.#stream.destroyed)
        throw new Error('Connection terminated while its session was set up');
    });
    // A server that has refused may keep the connection open, and even report success afterwards.
    opened.catch(() => this.destroy());
    if (!callback) return opened.then(() => this);
    opened.then(() => callback(null, this), callback);
    return undefined;
  }

  override end(): Promise<void>;
  override end(callback: (error: Error) => void): void;
  override end(callback?: (error: Error) => void): Promise<void> | undefined {
    // A connection that has ended emits no second 'end', which would clear the timer.
    if (!this.#stream.destroyed) {
      const timer = setTimeout(() => this.destroy(), TERMINATE_MS);
      this.once('end', () => clearTimeout(timer));
    }
    if (!callback) return super.end();
    super.end(callback);
    return undefined;
  }

  get #stream(): Duplex {
    return (this as unknown as Internals).connection.stream;
  }

  /** Closes the connection without Terminate; its queries reject. */
  destroy(): void {
    this.#stream.destroy();
  }

  /**
   * Resolves with the rows of the last statement in `text`. If it rejects because `timeoutMs` milliseconds have
   * passed, the caller must close the connection.
   */
  async rowsWithin(
    timeoutMs: number,
    text: string,
    values: unknown[] = [],
  ): Promise<QueryResultRow[]> {
    const config = { text, values, query_timeout: timeoutMs };
    const result: QueryResult | QueryResult[] = await this.query(config);
    return [result].flat().at(-1)?.rows ?? [];
  }
}

/** Without the line break at the end of the file. */
async function readPassword(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).replace(/\r?\n$/, '');
  } catch (cause) {
    throw Object.assign(new Error(`no password in ${file}`, { cause }), { code: 'password-file' });
  }
}

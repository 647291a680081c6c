import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Duplex } from 'node:stream';
import { Client, type ClientConfig, type QueryResult, type QueryResultRow } from 'pg';
import { SESSION_SETTINGS } from './session.ts';

/** How a connection is opened, beside its URL. */
export interface ConnectOptions {
  /** The file with the password, instead of the URL's. It is read for each connection anew. */
  passwordFile?: string | undefined;
  /** What the server calls the connection, unless the URL has an `application_name`. */
  applicationName?: string | undefined;
  /** How many milliseconds it may take to open a connection; 5,000 unless given. */
  connectTimeoutMs?: number;
}

/** The silence after which a peer is asked whether it is there. Node asks ten times, a second apart. */
const KEEP_ALIVE_MS = 10_000;

/** How long the server has to close a connection to which it was said goodbye. */
const GOODBYE_MS = 1_000;

/** The largest message that is taken from a server, in bytes: a row, or an error. */
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;

/** Of the statement by which a server ends what runs for a client that has gone: PostgreSQL 14 and later. */
const END_WITH_CLIENT = `
  select set_config('client_connection_check_interval', '1s', false)
  where current_setting('client_connection_check_interval', true) = '0'`;

/** Sets the session up, marks it with `id`, and says which connection has marked it before. */
const begin = (id: string) => `${SESSION_SETTINGS};
  select pg_backend_pid() as pid, current_setting('request_scope.connection', true) as marked,
    set_config('request_scope.connection', '${id}', false)`;

type Callback = (error: Error | null, client?: Connection) => void;

/** What pg does not type. */
interface Internals {
  password: unknown;
  connection: {
    stream: Duplex;
    attachListeners: (stream: Duplex) => void;
    password: (password: string | null) => void;
  };
}

/** The settings of pg's for a connection to the server at `url`. */
export function clientConfig(url: string, options: ConnectOptions) {
  const { passwordFile, applicationName, connectTimeoutMs = 5_000 } = options;
  return {
    connectionString: url,
    fallback_application_name: applicationName,
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
    passwordFile,
  };
}

/**
 * pg's client, of which no server can end the process, and no wait is without a bound: what cannot be
 * understood, or does not end, closes the connection.
 */
export class Connection extends Client {
  /** Of the session, by which the server lets anybody cancel its statement. */
  declare readonly processID: number | null;
  declare readonly secretKey: number | null;
  readonly #timeoutMs: number;

  constructor(config: ReturnType<typeof clientConfig> & ClientConfig) {
    super(config);
    this.#timeoutMs = config.connectionTimeoutMillis;
    // Whoever waits for an answer is told; what nobody listens to would end the process.
    this.on('error', () => {});
    const { passwordFile } = config;
    const internals = this as unknown as Internals;
    if (passwordFile) internals.password = () => readPassword(passwordFile);
    const { connection } = internals;
    const sendPassword = connection.password;
    connection.password = (password) => sendPassword.call(connection, password ?? '');
    const attach = connection.attachListeners;
    connection.attachListeners = (stream) => {
      attach.call(connection, stream);
      guard(stream);
    };
  }

  override connect(): Promise<Client>;
  override connect(callback: Callback): void;
  override connect(callback?: Callback): Promise<Client> | undefined {
    const opened = super.connect().then(() => this.#setUp());
    // A server that has refused may keep the connection, and even say afterwards that all is well.
    opened.catch(() => this.destroy());
    if (!callback) return opened.then(() => this);
    opened.then(() => callback(null, this), callback);
    return undefined;
  }

  override end(): Promise<void>;
  override end(callback: (error: Error) => void): void;
  override end(callback?: (error: Error) => void): Promise<void> | undefined {
    const timer = setTimeout(() => this.destroy(), GOODBYE_MS);
    this.once('end', () => clearTimeout(timer));
    if (!callback) return super.end();
    super.end(callback);
    return undefined;
  }

  /** Closes the connection without a word: its queries reject. */
  destroy(): void {
    (this as unknown as Internals).connection.stream.destroy();
  }

  /** The rows that the last statement of `text` finds. Where it takes too long, the connection is to be closed. */
  async within(timeoutMs: number, text: string, values: unknown[] = []): Promise<QueryResultRow[]> {
    const config = { text, values, query_timeout: timeoutMs };
    const result: QueryResult | QueryResult[] = await this.query(config);
    return [result].flat().at(-1)?.rows ?? [];
  }

  /** Rejects where a statement would not meet the session that the one before it has met. */
  async #setUp(): Promise<void> {
    // Where the server's platform cannot do it, it is done without.
    this.query({ text: END_WITH_CLIENT }).catch(() => {});
    const [session] = await this.within(this.#timeoutMs, begin(randomUUID()));
    const isPooled = session?.pid !== this.processID;
    if (!isPooled || !session?.marked) return;
    const message =
      'the pooler gives one session to several connections: it must be in session mode';
    throw Object.assign(new Error(message), { code: 'transaction-pooling' });
  }
}

async function readPassword(file: string): Promise<string> {
  try {
    return withoutLineBreak(await readFile(file, 'utf8'));
  } catch (cause) {
    throw Object.assign(new Error(`no password in ${file}`, { cause }), { code: 'password-file' });
  }
}

/** What a file with a secret holds: the line break at its end is none of it. */
export function withoutLineBreak(content: string): string {
  return content.replace(/\r?\n$/, '');
}

/** Where pg cannot understand the server it throws, out of the listener of its socket. */
function guard(stream: Duplex): void {
  const parse = stream.listeners('data').at(-1) as (bytes: Buffer) => void;
  const check = messageChecks();
  stream.off('data', parse);
  stream.on('data', (bytes: Buffer) => {
    try {
      check(bytes);
      parse(bytes);
    } catch (cause) {
      stream.destroy(brokenProtocol(cause));
    }
  });
}

/** What a server says that no PostgreSQL would. */
export function brokenProtocol(cause?: unknown): Error {
  const error = new Error('the server does not speak the protocol of PostgreSQL', { cause });
  return Object.assign(error, { code: 'protocol' });
}

/**
 * Follows the messages, and throws where pg would wait for the rest of one of any length and keep it, or
 * look for the end of an error that has none, for ever.
 */
function messageChecks(): (bytes: Buffer) => void {
  const header = Buffer.alloc(5);
  let [seen, rest] = [0, 0];
  let body: Buffer[] | undefined;
  return (bytes) => {
    let at = 0;
    while (at < bytes.length) {
      if (seen < header.length) {
        header[seen] = bytes[at] ?? 0;
        seen += 1;
        at += 1;
        if (seen < header.length) continue;
        rest = header.readUInt32BE(1) - 4;
        if (rest < 0 || rest > MAX_MESSAGE_BYTES) throw new Error(`a message of ${rest} bytes`);
        body = ERRORS.includes(header[0] ?? 0) ? [] : undefined;
      }
      const part = bytes.subarray(at, at + rest);
      body?.push(part);
      rest -= part.length;
      at += part.length;
      if (rest > 0) return;
      seen = 0;
      if (body && !isError(Buffer.concat(body))) throw new Error('an error without an end');
    }
  };
}

/** The types of messages that are a list of fields: an error, a notice. */
const ERRORS = [...Buffer.from('EN')];

/** Each field is one byte that is not 0, and a text that 0 ends; then comes another 0. */
function isError(body: Buffer): boolean {
  let at = 0;
  while (at < body.length && body[at] !== 0) {
    const end = body.indexOf(0, at + 1);
    if (end < 0) return false;
    at = end + 1;
  }
  return at < body.length;
}

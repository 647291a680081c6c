import { Socket } from 'node:net';
import { buildConnector, Client } from 'undici';
import { lookUp } from './look-up.ts';

/** Shorter than our servers keep an idle connection: a request must not meet a closing socket. */
const IDLE_CONNECTION_MS = 4_000;

/** Waits as long as it takes: the signal of a call is its only deadline. */
const connect = buildConnector({ timeout: 0, autoSelectFamily: true, lookup: lookUp });

const idle = new Map<string, Connection[]>();

/**
 * One kept-alive connection, for one request at a time. undici's own pool does not fit: for each
 * request that is aborted it opens another connection, and one that is being opened it cannot stop.
 */
export class Connection {
  readonly client: Client;
  readonly #origin: string;
  #socket: Socket | undefined;

  private constructor(origin: string) {
    this.#origin = origin;
    this.client = new Client(origin, {
      keepAliveTimeout: IDLE_CONNECTION_MS,
      keepAliveMaxTimeout: IDLE_CONNECTION_MS,
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: (options, callback) => {
        const socket: unknown = connect(options, callback);
        if (socket instanceof Socket) this.#socket = socket;
      },
    });
    this.client.on('disconnect', () => this.#forget());
  }

  /** A connection to `origin` that is not in use: the one used last, so that a surplus can end. */
  static take(origin: string): Connection {
    return idle.get(origin)?.pop() ?? new Connection(origin);
  }

  /** Ready for another request. */
  release(): void {
    if (!idle.get(this.#origin)?.push(this)) idle.set(this.#origin, [this]);
  }

  /** Ends the connection, and the request that is on it, at once. */
  destroy(error: Error): void {
    this.client.destroy(error, () => {});
    this.#socket?.destroy(error);
  }

  #forget(): void {
    const others = idle.get(this.#origin) ?? [];
    const index = others.indexOf(this);
    if (index >= 0) others.splice(index, 1);
  }
}

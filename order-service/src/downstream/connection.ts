import { Socket } from 'node:net';
import { buildConnector, Client } from 'undici';
import { lookUp } from './look-up.ts';

/** Less than our servers keep an idle connection open, so that no request reaches a socket that is closing. */
const IDLE_CONNECTION_MS = 4_000;

/** Without a timeout: the signal of the call is its only deadline. */
const connect = buildConnector({ timeout: 0, autoSelectFamily: true, lookup: lookUp });

const idle = new Map<string, Connection[]>();

/**
 * A keep-alive connection for one request at a time. undici's own pool does not fit: it opens a new connection
 * for every aborted request, and cannot stop one that is being opened.
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

  /** An idle or new connection to `origin`. Prefers the one used last, so that surplus ones time out. */
  static take(origin: string): Connection {
    return idle.get(origin)?.pop() ?? new Connection(origin);
  }

  /** Makes the connection available for another request. */
  release(): void {
    if (!idle.get(this.#origin)?.push(this)) idle.set(this.#origin, [this]);
  }

  /** Closes the connection at once, with the request that is on it. */
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

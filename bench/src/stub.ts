import { createServer, type Server, type Socket } from 'node:net';
import { portOf } from '../../harness/network.ts';

const BODIES: Record<string, (id: string) => string> = {
  check: (id) => `Product ${id} is available`,
  pay: (id) => `Payment for order ${id} completed`,
  void: (id) => `Payment for order ${id} voided`,
};

/** A request that the stub does not answer. */
interface HeldRequest {
  arrived: () => void;
  stopped: (at: number) => void;
}

/**
 * Stands in for all services that order-service calls. Answers every call at once, except for the ids passed to
 * `hold`. It speaks just enough HTTP for calls without a body, to cost almost nothing itself.
 */
export class Stub implements Disposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #held = new Map<string, HeldRequest>();

  constructor() {
    this.#server = createServer({ noDelay: true }, (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket)).on('error', () => {});
      let received = '';
      socket.setEncoding('latin1').on('data', (chunk) => {
        received += chunk;
        if (!received.endsWith('\r\n\r\n')) return;
        this.#answer(received, socket);
        received = '';
      });
    });
  }

  /** Listens on a free port; resolves with the URL. */
  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', 4096, resolve));
    return `http://127.0.0.1:${portOf(this.#server)}`;
  }

  /** Leaves the next call about `id` (a product or an order) unanswered. */
  hold(id: string): { arrived: Promise<void>; stoppedAt: Promise<number> } {
    const { promise: arrived, resolve: arrive } = withResolvers<void>();
    const { promise: stoppedAt, resolve: stopped } = withResolvers<number>();
    this.#held.set(id, { arrived: arrive, stopped });
    return { arrived, stoppedAt };
  }

  #answer(request: string, socket: Socket): void {
    const [, path = '', id = ''] = /^\w+ \/(\w+)\?\w+=([^ ]*) /.exec(request) ?? [];
    const held = this.#held.get(id);
    if (held) {
      this.#held.delete(id);
      socket.once('close', () => held.stopped(performance.now()));
      held.arrived();
      return;
    }
    const body = `${BODIES[path]?.(id) ?? ''}\n`;
    const echoed = (request.match(/^(x-request-id|idempotency-key): .*\r\n/gim) ?? []).join('');
    socket.write(
      `HTTP/1.1 200 OK\r\n${echoed}x-operation: ${path} ${id}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${body.length}\r\nKeep-Alive: timeout=10\r\n\r\n${body}`,
    );
  }

  [Symbol.dispose](): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

function withResolvers<T>() {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

import { connect, type Socket } from 'node:net';

const EXPECTED = /^HTTP\/1\.1 200 [\s\S]*\r\n\r\nOrder successfully processed\s*$/;

/** A keep-alive connection to a measured process; it costs almost nothing compared with what it measures. */
export class Connection implements Disposable {
  readonly #socket: Socket;
  readonly #host: string;
  #received = '';
  #settle: ((failure?: Error) => void) | undefined;

  constructor(url: string) {
    const { host, hostname, port } = new URL(url);
    this.#host = host;
    this.#socket = connect({ host: hostname, port: Number(port), noDelay: true });
    this.#socket.setEncoding('latin1').on('data', (chunk) => {
      this.#received += chunk;
      if (isComplete(this.#received)) {
        const good = EXPECTED.test(this.#received);
        this.#settle?.(good ? undefined : new Error(summary(this.#received)));
      }
    });
    this.#socket.on('error', (error) => this.#settle?.(error));
    this.#socket.on('close', () => this.#settle?.(new Error('connection closed')));
  }

  /** True if it takes no further order. */
  get isClosed(): boolean {
    return this.#socket.destroyed;
  }

  /** Resolves once the order has succeeded. Rejects with any other answer. */
  order(query = ''): Promise<void> {
    this.#received = '';
    return new Promise((resolve, reject) => {
      this.#settle = (failure) => (failure ? reject(failure) : resolve());
      this.#socket.write(`GET /order${query} HTTP/1.1\r\nHost: ${this.#host}\r\n\r\n`);
    });
  }

  /** Sends an order without waiting for its answer. */
  place(query: string): void {
    this.#socket.write(`GET /order${query} HTTP/1.1\r\nHost: ${this.#host}\r\n\r\n`);
  }

  /** Destroys the connection; returns the time of that. */
  hangUp(): number {
    const at = performance.now();
    this.#socket.destroy();
    return at;
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}

function isComplete(answer: string): boolean {
  const head = answer.indexOf('\r\n\r\n');
  const length = /\r\ncontent-length: (\d+)/i.exec(answer)?.[1];
  return head >= 0 && answer.length >= head + 4 + Number(length ?? 0);
}

/** Its status and its text. */
function summary(answer: string): string {
  const [head = '', body = ''] = answer.split('\r\n\r\n');
  return `${head.split(' ')[1]} ${body.trim()}`;
}

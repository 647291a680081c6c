import type { IncomingHttpHeaders } from 'node:http';
import {
  type AxiosAdapter,
  AxiosError,
  type AxiosResponse,
  CanceledError,
  type InternalAxiosRequestConfig,
} from 'axios';
import type { Dispatcher } from 'undici';
import { ATTEMPT_HEADERS } from './attempt-headers.ts';
import { Connection } from './connection.ts';
import { neverSent } from './never-sent.ts';

type Controller = Dispatcher.DispatchController;

const BROKEN = /^(HTTPParser|HeadersOverflow|ResponseContentLengthMismatch)Error$/;

/** The code that axios' own adapter gives in place of an error of undici. */
function codeOf({ name, message }: Error): string | undefined {
  // A 100 or 101 that nobody asked for is a SocketError: "bad response", "bad upgrade".
  if (BROKEN.test(name) || message.startsWith('bad ')) return AxiosError.ERR_BAD_RESPONSE;
  return name === 'SocketError' ? 'ECONNRESET' : undefined;
}

/**
 * An axios adapter over undici: axios' own, over node:http, costs more than all the rest of an order.
 * It does what our calls need, as axios' own does: text without a request body, no redirect, no proxy,
 * `validateStatus`, `maxContentLength`, and `signal`, which destroys the connection. It marks a call
 * of which nothing was written as never sent.
 */
export const undiciAdapter: AxiosAdapter = (config) =>
  new Promise((resolve, reject) => new Exchange(config, resolve, reject).send());

class Exchange implements Dispatcher.DispatchHandler {
  readonly #config: InternalAxiosRequestConfig;
  readonly #resolve: (response: AxiosResponse) => void;
  readonly #reject: (error: Error) => void;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;
  #connection: Connection | undefined;
  /** What an AxiosError calls its request: there as soon as it was sent. */
  #request: Controller | undefined;
  #response: AxiosResponse | undefined;

  constructor(
    config: InternalAxiosRequestConfig,
    resolve: (response: AxiosResponse) => void,
    reject: (error: Error) => void,
  ) {
    this.#config = config;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  send(): void {
    const { url = '', method = 'get', headers, signal } = this.#config;
    const { origin, pathname, search } = new URL(url);
    const path = pathname + search;
    if (signal?.aborted) {
      this.handleEvent();
      return;
    }
    signal?.addEventListener?.('abort', this);
    this.#connection = Connection.take(origin);
    this.#connection.client.dispatch(
      { path, method: method.toUpperCase(), headers: { ...headers } },
      this,
    );
  }

  /** The signal has aborted. */
  handleEvent(): void {
    this.#fail(new CanceledError(undefined, this.#config, this.#request));
  }

  /** The connection stands, and the request is about to be written. */
  onRequestStart(controller: Controller): void {
    this.#request = controller;
  }

  /** With the headers that name the attempt and no others: axios parses each of them once more. */
  onResponseStart(_controller: Controller, status: number, received: IncomingHttpHeaders): void {
    const headers: Record<string, string> = {};
    for (const name of ATTEMPT_HEADERS) {
      const value = received[name];
      if (typeof value === 'string') headers[name] = value;
    }
    this.#response = { status, statusText: '', headers, data: '', config: this.#config };
  }

  onResponseData(_controller: Controller, chunk: Buffer): void {
    const { maxContentLength = Number.POSITIVE_INFINITY } = this.#config;
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes > maxContentLength) {
      const message = `maxContentLength size of ${maxContentLength} exceeded`;
      const code = AxiosError.ERR_BAD_RESPONSE;
      this.#fail(new AxiosError(message, code, this.#config, this.#request));
    }
  }

  onResponseEnd(): void {
    if (!this.#response) return;
    const { status } = this.#response;
    this.#response.data = Buffer.concat(this.#chunks).toString();
    this.#end();
    this.#connection?.release();
    if (this.#config.validateStatus?.(status) !== false) this.#resolve(this.#response);
    else this.#reject(this.#badResponse(`Request failed with status code ${status}`));
  }

  onResponseError(_controller: unknown, error: Error): void {
    if (this.#response) this.#fail(this.#badResponse(error.message));
    else this.#fail(AxiosError.from(error, codeOf(error), this.#config, this.#request));
  }

  #badResponse(message: string): AxiosError {
    const code = AxiosError.ERR_BAD_RESPONSE;
    return new AxiosError(message, code, this.#config, this.#request, this.#response);
  }

  #fail(error: AxiosError): void {
    this.#end();
    this.#reject(this.#request ? error : neverSent(error));
    this.#connection?.destroy(error);
  }

  #end(): void {
    this.#config.signal?.removeEventListener?.('abort', this);
  }
}

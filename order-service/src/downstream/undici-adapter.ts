import type { IncomingHttpHeaders } from 'node:http';
import {
  type AxiosAdapter,
  AxiosError,
  AxiosHeaders,
  type AxiosResponse,
  CanceledError,
} from 'axios';
import type { Dispatcher } from 'undici';
import { afterEvents } from './after-events.ts';
import { ATTEMPT_HEADERS } from './attempt-headers.ts';
import { Connection } from './connection.ts';
import { neverSent } from './never-sent.ts';

const BAD_RESPONSE = AxiosError.ERR_BAD_RESPONSE;
const BROKEN = /^(HTTPParser|HeadersOverflow|ResponseContentLengthMismatch)Error$/;

/** The code that axios' own adapter gives for the same failure. */
function codeOf({ name, message }: Error): string | undefined {
  // An unexpected 100 or 101 is a SocketError: "bad response", "bad upgrade".
  if (BROKEN.test(name) || message.startsWith('bad ')) return BAD_RESPONSE;
  return name === 'SocketError' ? 'ECONNRESET' : undefined;
}

/**
 * Makes an axios adapter over undici that sends one request with `headers`. axios' own adapter, over node:http,
 * costs more than the rest of an order. This one also does what no client does by itself: an abort closes a
 * connection that is still being opened, and leaves no spare one (undici#5845); a host name that is gone blocks
 * no thread; a call that was never sent is marked as such. It sends no request body, reads text, follows no
 * redirect and uses no proxy. `validateStatus`, `maxContentLength` and `signal` work as in axios' own adapter.
 * `baseURL` is an origin, and `url` a path on it. `headers` are not those of axios' config, because axios copies and
 * parses these several times per request.
 */
export const undiciAdapter =
  (headers: Readonly<Record<string, string>>): AxiosAdapter =>
  (config) =>
    new Promise((resolve, reject) => {
      const { baseURL = '', url = '', method = 'get' } = config;
      const { signal, maxContentLength, validateStatus } = config;
      const chunks: Buffer[] = [];
      let bytes = 0;
      let connection: Connection | undefined;
      /** The `request` of an AxiosError. Set as soon as the request is about to be written. */
      let request: Dispatcher.DispatchController | undefined;
      let response: AxiosResponse | undefined;
      let isAborted = false;

      const rejectWith = (error: AxiosError) => reject(request ? error : neverSent(error));
      const fail = (error: AxiosError) => {
        signal?.removeEventListener?.('abort', abort);
        rejectWith(error);
        connection?.destroy(error);
      };
      const abort = () => {
        signal?.removeEventListener?.('abort', abort);
        isAborted = true;
        const { reason } = Object(signal);
        afterEvents(() => {
          // undici publishes this error, and telemetry reads the cause from it.
          connection?.destroy(reason);
          afterEvents(() => {
            const error = new CanceledError(undefined, config, request);
            rejectWith(Object.assign(error, { cause: reason }));
          });
        });
      };
      const badResponse = (message: string) =>
        new AxiosError(message, BAD_RESPONSE, config, request, response);

      const handler: Dispatcher.DispatchHandler = {
        onRequestStart(controller) {
          if (isAborted) controller.abort(Object(signal).reason);
          else request = controller;
        },
        /** Keeps only the headers that name the attempt, in axios' own class: it would parse any other object. */
        onResponseStart(_controller, status, received: IncomingHttpHeaders) {
          const kept: Record<string, string> = {};
          for (const name of ATTEMPT_HEADERS) {
            const value = received[name];
            if (typeof value === 'string') kept[name] = value;
          }
          const headers = Object.assign(new AxiosHeaders(), kept);
          response = { status, statusText: '', headers, data: '', config };
        },
        onResponseData(_controller, chunk) {
          chunks.push(chunk);
          bytes += chunk.length;
          if (bytes <= (maxContentLength ?? Number.POSITIVE_INFINITY)) return;
          const message = `maxContentLength size of ${maxContentLength} exceeded`;
          fail(new AxiosError(message, BAD_RESPONSE, config, request));
        },
        onResponseEnd() {
          if (!response || isAborted) return;
          signal?.removeEventListener?.('abort', abort);
          connection?.release();
          response.data = Buffer.concat(chunks).toString();
          if (validateStatus?.(response.status) !== false) resolve(response);
          else reject(badResponse(`Request failed with status code ${response.status}`));
        },
        onResponseError(_controller, error) {
          if (isAborted) return;
          if (response) fail(badResponse(error.message));
          else fail(AxiosError.from(error, codeOf(error), config, request));
        },
      };

      if (signal?.aborted) return abort();
      signal?.addEventListener?.('abort', abort);
      connection = Connection.take(baseURL);
      const message = { path: url, method: method.toUpperCase(), headers };
      connection.client.dispatch(message, handler);
    });

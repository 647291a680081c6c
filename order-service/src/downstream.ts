import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { budgetHeaders, type Scope, withTimeout } from '@orders/cancellation';
import axios from 'axios';
import { CallEnded, callEnded, type Target } from './ending.ts';

const MAX_ANSWER_BYTES = 16 * 1024;

/** Shorter than our servers keep an idle connection: a request must not meet a closing socket. */
const IDLE_CONNECTION = { keepAlive: true, timeout: 4_000 };

const http = axios.create({
  httpAgent: new HttpAgent(IDLE_CONNECTION),
  httpsAgent: new HttpsAgent(IDLE_CONNECTION),
  proxy: false,
  maxRedirects: 0,
  maxContentLength: MAX_ANSWER_BYTES,
  decompress: false,
  responseType: 'text',
  validateStatus: (status) => status === 200,
});

/** A request to a service that the order needs. */
export interface Call extends Target {
  method: 'GET' | 'POST';
  url: string;
  params: Readonly<Record<string, string>>;
  headers: Readonly<Record<string, string>>;
  /** The body of the 200 that means success. */
  expected: string;
  /** Bounds the call to the last byte of its answer. */
  timeoutMs: number;
}

/** Resolves once the service has answered as expected. Throws CallEnded. */
export async function call(request: Call, parent: Scope): Promise<void> {
  const { method, url, params, expected } = request;
  using scope = withTimeout(parent, request.timeoutMs);
  const headers = { ...request.headers, ...budgetHeaders(scope) };
  let answer: string;
  try {
    const { signal } = scope;
    ({ data: answer } = await http.request<string>({ method, url, params, headers, signal }));
  } catch (error) {
    throw callEnded(error, scope, request);
  }
  if (answer.trimEnd() !== expected) throw new CallEnded('broken-answer', request);
}

import { hasAborted } from '@orders/chassis';
import { Axios, type AxiosResponse, CanceledError } from 'axios';
import { budgetHeaders, type Scope, withTimeout } from 'request-scope';
import { CallFailed, type Target } from '../order-failed.ts';
import { namesAttempt } from './attempt-headers.ts';
import { neverSent } from './never-sent.ts';
import { undiciAdapter } from './undici-adapter.ts';

const MAX_ANSWER_BYTES = 16 * 1024;

const http = new Axios({
  adapter: undiciAdapter,
  maxContentLength: MAX_ANSWER_BYTES,
  responseType: 'text',
  validateStatus: (status) => status === 200,
});

/** A request to another service. */
export interface Call extends Target {
  method: 'GET' | 'POST';
  url: string;
  params: Readonly<Record<string, string>>;
  headers: Readonly<Record<string, string>>;
  operation: string;
  /** Bounds the call to the last byte of its answer. */
  timeoutMs: number;
}

/** Resolves once the service has answered 200 to this very call, in time. Throws CallFailed. */
export async function call(request: Call, parent: Scope): Promise<void> {
  const { method } = request;
  const url = `${request.url}?${new URLSearchParams(request.params)}`;
  using scope = withTimeout(parent, request.timeoutMs);
  const { signal } = scope;
  if (signal.aborted) throw CallFailed.from(neverSent(new CanceledError()), scope, request);
  const headers = { ...request.headers, ...budgetHeaders(scope) };
  let answer: AxiosResponse<string>;
  try {
    answer = await http.request({ method, url, headers, signal });
  } catch (error) {
    throw CallFailed.from(error, scope, request);
  }
  if (!namesAttempt(answer.headers, request)) throw new CallFailed('broken-answer', request);
  if (hasAborted(scope)) throw CallFailed.from(signal.reason, scope, request);
}

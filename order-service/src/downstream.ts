import { budgetHeaders, type Scope, withTimeout } from '@orders/cancellation';
import { Axios } from 'axios';
import { CallEnded, callEnded, type Target } from './ending.ts';
import { undiciAdapter } from './undici-adapter.ts';

const MAX_ANSWER_BYTES = 16 * 1024;

const http = new Axios({
  adapter: undiciAdapter,
  maxContentLength: MAX_ANSWER_BYTES,
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
  const { method, expected } = request;
  const url = `${request.url}?${new URLSearchParams(request.params)}`;
  using scope = withTimeout(parent, request.timeoutMs);
  const headers = { ...request.headers, ...budgetHeaders(scope) };
  let answer: string;
  try {
    const { signal } = scope;
    ({ data: answer } = await http.request<string>({ method, url, headers, signal }));
  } catch (error) {
    throw callEnded(error, scope, request);
  }
  if (answer.trimEnd() !== expected) throw new CallEnded('broken-answer', request);
}

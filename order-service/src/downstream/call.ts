import { hasAborted } from '@orders/chassis';
import { Axios, type AxiosResponse, CanceledError, isAxiosError } from 'axios';
import { budgetHeaders, type Scope } from 'request-scope';
import {
  type FailureKind,
  fromCancellation,
  type NamedStep,
  OrderFailed,
} from '../order-failed.ts';
import { namesAttempt } from './attempt-headers.ts';
import { neverSent, wasNeverSent } from './never-sent.ts';
import { undiciAdapter } from './undici-adapter.ts';

const MAX_ANSWER_BYTES = 16 * 1024;

/**
 * The called service measures the budget that we sent with its own timer, which may fire a little before ours.
 * A 408 this close to our own deadline is therefore that deadline, and must read like it. order-failed.test.ts:
 * "408 by the budget that we sent reads like our own timer".
 */
const TIMER_SKEW_MS = 25;

/** The codes of an answer that is not HTTP: from Node's parser, and from the adapter. */
const NOT_HTTP = /^HPE_|^ERR_BAD_RESPONSE$/;

const http = new Axios({
  maxContentLength: MAX_ANSWER_BYTES,
  validateStatus: (status) => status === 200,
});

/** A request to another service, which performs a step of an order or undoes it. */
export interface Call extends NamedStep {
  method: 'GET' | 'POST';
  /** Without the query. It is parsed once per client, because parsing it per call costs 1% of an order. */
  url: URL;
  params: Readonly<Record<string, string>>;
  /** The ids of the attempt, which the answer must repeat. */
  headers: Readonly<Record<string, string>>;
  /** The operation that the answer must name: `pay 1`. */
  operation: string;
  /** How long the call may take, in milliseconds, until the last byte of its answer. */
  timeoutMs: number;
}

/**
 * Resolves when the service has answered this very call with 200, in time.
 * @throws {OrderFailed} in every other case.
 */
export async function call(request: Call, parent: Scope): Promise<void> {
  const { method, params } = request;
  const { origin: baseURL, pathname } = request.url;
  const url = `${pathname}?${new URLSearchParams(params)}`;
  // Not withTimeout, which throws the cause: only the client's own error says whether anything was sent.
  using scope = parent.child(request.timeoutMs);
  const { signal } = scope;
  if (signal.aborted) throw readFailure(neverSent(new CanceledError()), scope, request);
  const adapter = undiciAdapter({ ...request.headers, ...budgetHeaders(scope) });
  let answer: AxiosResponse<string>;
  try {
    answer = await http.request({ method, baseURL, url, signal, adapter });
  } catch (error) {
    throw readFailure(error, scope, request);
  }
  if (!namesAttempt(answer.headers, request)) throw new OrderFailed('broken-answer', request);
  if (hasAborted(scope)) throw fromCancellation(signal.reason, scope, request);
}

type Failed = NamedStep & Pick<Call, 'headers' | 'operation'>;

/** The meaning of a call's error for its order: an OrderFailed, or `error` itself if it is a bug of ours. */
export function readFailure(error: unknown, scope: Scope, request: Failed): unknown {
  const wasSent = !wasNeverSent(error);
  const canceled = fromCancellation(error, scope, request, { wasSent });
  if (canceled instanceof OrderFailed) return canceled;
  if (!isAxiosError(error)) return error;
  const { response, code = 'unknown' } = error;
  const status = response?.status;
  const failed = (kind: FailureKind, detail = '') =>
    new OrderFailed(kind, request, { detail, wasSent });
  if (status === undefined)
    return NOT_HTTP.test(code) ? failed('broken-answer') : failed('unreachable', code);
  if (status === 200) return failed('broken-answer');
  if (status === 408 && scope.remainingMs <= TIMER_SKEW_MS) return failed('deadline-exceeded');
  if (status !== 400 && status !== 422) return failed('other-status', String(status));
  // A refusal proves that nothing was done only if it answers this very call.
  const isOurs = namesAttempt(response?.headers ?? {}, request);
  return isOurs ? failed('request-refused', String(status)) : failed('broken-answer');
}

import type { IncomingMessage } from 'node:http';
import { type Attributes, SpanStatusCode } from '@opentelemetry/api';
import type { Instruments } from './instruments.ts';
import { codeLabel, methodLabel } from './labels.ts';
import type { Served } from './served.ts';
import { rememberDuration, savedMs } from './usual-duration.ts';

/** What a request in flight is counted under. */
export const labelsOf = ({ req }: Pick<Served, 'req'>) => ({
  'http.request.method': methodLabel(req.method),
  'url.scheme': 'encrypted' in req.socket ? 'https' : 'http',
});

/** Ends the span of a request and measures it: how it ended, why, and what that has saved. */
export function endRequest(served: Served, instruments: Instruments): void {
  const { req, res, span, startedAt, isAnswered } = served;
  const elapsedMs = performance.now() - startedAt;
  if (!isAnswered && !res.writableEnded) {
    // Nothing has told that the client left before there was a scope.
    served.canceled ??= { cause: 'client-disconnected', elapsedMs: Math.round(elapsedMs) };
  }
  const { canceled, failed } = served;
  const route = routeOf(req);
  const labels: Attributes = labelsOf(served);
  if (route) labels['http.route'] = route;
  // Of an answer that nobody got there is no status: the 200 that Node has by default least of all.
  if (isAnswered) labels['http.response.status_code'] = res.statusCode;
  if (canceled) labels['cancellation.cause'] = codeLabel(canceled.cause);
  const failure = failed ?? failureOf(served);
  if (failure) labels['error.type'] = codeLabel(failure.type);
  instruments.served.record(elapsedMs / 1_000, labels);
  instruments.inFlight.add(-1, labelsOf(served));

  span.setAttributes(labels);
  if (route) span.updateName(`${labels['http.request.method']} ${route}`);
  if (failure) span.setStatus({ code: SpanStatusCode.ERROR, message: failure.message });
  if (canceled) {
    span.setAttribute('cancellation.elapsed_ms', canceled.elapsedMs);
    const saved = savedMs(`${req.method} ${route}`, canceled.elapsedMs);
    if (saved !== undefined) {
      span.setAttribute('cancellation.saved_ms', saved);
      const cause = { 'cancellation.cause': codeLabel(canceled.cause) };
      instruments.savedMs.add(saved, route ? { ...cause, 'http.route': route } : cause);
    }
  } else if (!failure && res.statusCode < 400) {
    rememberDuration(`${req.method} ${route}`, elapsedMs);
  }
  span.end();
}

/** Causes that are an error of somebody's. */
const FAILURES: Readonly<Record<string, string>> = {
  'deadline-exceeded': 'deadline exceeded',
  'connection-closed': 'connection closed by the service',
};

/** A deadline is an error, a cancellation by design is none, also where its answer is a 503. */
function failureOf({ canceled, isAnswered, res }: Served) {
  const message = canceled && FAILURES[canceled.cause];
  if (canceled && message) return { type: canceled.cause, message };
  if (canceled || !isAnswered || res.statusCode < 500) return undefined;
  return { type: String(res.statusCode), message: '' };
}

/** The pattern of Express' router: a path itself may be anything. */
function routeOf(req: IncomingMessage & { route?: { path?: unknown } }): string | undefined {
  const path = req.route?.path;
  return typeof path === 'string' ? path : undefined;
}

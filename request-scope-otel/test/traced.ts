import { AsyncLocalStorage } from 'node:async_hooks';
import { EventEmitter, once } from 'node:events';
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  type Context,
  type ContextManager,
  context,
  ROOT_CONTEXT,
  SpanKind,
  trace,
} from '@opentelemetry/api';
import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import { type ReadableSpan, type SpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { type GracefulShutdown, requestScope, type Scope } from 'request-scope';
import { afterAll, beforeAll } from 'vitest';

const contexts = new AsyncLocalStorage<Context>();

/** As the SDK's own. */
const manager: ContextManager = {
  active: () => contexts.getStore() ?? ROOT_CONTEXT,
  with: (given, work, self, ...args) => contexts.run(given, () => work.call(self, ...args)),
  bind: (_given, target) => target,
  enable: () => manager,
  disable: () => manager,
};

/** Gives the tests of a file a current context, unless another file of this worker has left one. */
export function useContexts(): void {
  let isOurs = false;
  beforeAll(() => {
    isOurs = context.setGlobalContextManager(manager);
  });
  afterAll(() => {
    if (isOurs) context.disable();
  });
}

/** Metrics that a test reads. */
export class Metrics extends MetricReader {
  readonly meter = new MeterProvider({ readers: [this] }).getMeter('test');

  /** The data points of the metric `name`: values, and counts of histograms, with their labels. */
  async read(name: string): Promise<{ value: unknown; labels: unknown }[]> {
    const { resourceMetrics } = await this.collect();
    const all = resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics);
    const points = all
      .filter(({ descriptor }) => descriptor.name === name)
      .flatMap(({ dataPoints }) =>
        dataPoints.map(({ value, attributes }) => ({ value, attributes })),
      );
    return points.map(({ value, attributes }) => ({
      value: typeof value === 'number' ? value : value.count,
      labels: attributes,
    }));
  }

  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

/** A tracer, and the spans that it has ended, by name. */
export function tracing(...first: SpanProcessor[]) {
  const spans: Record<string, ReadableSpan> = {};
  const last: SpanProcessor = {
    onStart() {},
    onEnd(span) {
      spans[span.name] = span;
    },
    forceFlush: async () => {},
    shutdown: async () => {},
  };
  const provider = new TracerProvider({ spanProcessors: [...first, last] });
  return { tracer: provider.getTracer('test'), provider, spans };
}

export type Tracing = ReturnType<typeof tracing>;

interface ServeOptions {
  shutdown?: GracefulShutdown;
  /** Calls `open`, which opens the scope, in a context of its own. */
  around?: (open: () => Scope) => Scope;
}

/** The request that `serve` passes to `work`, with Express' `route`. */
export type Routed = IncomingMessage & { route?: { path: string } };

/**
 * Serves `work` under a span called `server`, as stock instrumentation does: the span ends with the response or its
 * connection, and has the status 200 also after a hang-up.
 */
export async function serve(
  { tracer }: Tracing,
  work: (scope: Scope, req: Routed) => Promise<unknown>,
  { shutdown, around = (it) => it() }: ServeOptions = {},
) {
  const events = new EventEmitter();
  const over = once(events, 'over');
  const server = createServer((req, res) => {
    const span = tracer.startSpan('server', { kind: SpanKind.SERVER });
    const closed = once(res, 'close').then(() => {
      span.setAttribute('http.response.status_code', res.statusCode).end();
    });
    context.with(trace.setSpan(context.active(), span), async () => {
      const scope = around(() => requestScope(req, res, { shutdown }));
      await work(scope, req).catch(() => {});
      scope[Symbol.dispose]();
      res.end();
      await closed;
      events.emit('over');
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    /** Sends a request; the returned function hangs up. */
    send(headers: Record<string, string> = {}) {
      const request = httpRequest({ port, headers }, (answer) => answer.resume());
      request.on('error', () => {}).end();
      return () => request.destroy();
    },
    /** Resolves when the work for a request and its span have ended. */
    over,
    [Symbol.dispose]: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

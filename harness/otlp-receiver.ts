import { once } from 'node:events';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { Feed } from './feed.ts';
import { portOf } from './network.ts';

export interface ReceivedSpan {
  service: string;
  name: string;
  kind: string;
  traceId: string;
  spanId: string;
  /** Empty for the first span of a trace. */
  parentId: string;
  status: 'unset' | 'ok' | 'error';
  statusMessage: string | undefined;
  attributes: Record<string, unknown>;
  /** The ids of the spans that it is linked to. */
  links: string[];
  startMs: number;
  endMs: number;
}

interface Attribute {
  key: string;
  value: Record<string, unknown>;
}

const KINDS = ['unspecified', 'internal', 'server', 'client'];
const STATUSES = ['unset', 'ok', 'error'] as const;

/** Receives spans as OTLP over HTTP, in JSON. */
export interface OtlpReceiver extends AsyncDisposable {
  url: string;
  spans: Feed<ReceivedSpan>;
}

/** Starts a receiver on a free port. */
export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const spans = new Feed<ReceivedSpan>();
  const server = createServer(async (req, res) => {
    const { resourceSpans = [] } = JSON.parse(await text(req));
    for (const { resource, scopeSpans } of resourceSpans) {
      const service = String(fields(resource.attributes)['service.name']);
      for (const scope of scopeSpans) {
        for (const span of scope.spans) spans.push(received(service, span));
      }
    }
    res.setHeader('Content-Type', 'application/json');
    res.end('{}');
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${portOf(server)}`,
    spans,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface OtlpSpan {
  name: string;
  kind: number;
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  status?: { code?: number; message?: string };
  attributes: Attribute[];
  links?: { spanId: string }[];
  startTimeUnixNano: string;
  endTimeUnixNano: string;
}

function received(service: string, span: OtlpSpan): ReceivedSpan {
  return {
    service,
    name: span.name,
    kind: KINDS[span.kind] ?? '',
    traceId: span.traceId,
    spanId: span.spanId,
    parentId: span.parentSpanId ?? '',
    status: STATUSES[span.status?.code ?? 0] ?? 'unset',
    statusMessage: span.status?.message,
    attributes: fields(span.attributes),
    links: (span.links ?? []).map(({ spanId }) => spanId),
    startMs: Number(span.startTimeUnixNano) / 1e6,
    endMs: Number(span.endTimeUnixNano) / 1e6,
  };
}

function fields(attributes: Attribute[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}

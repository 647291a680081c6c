import type { OtlpReceiver, ReceivedSpan } from '../../harness/otlp-receiver.ts';
import { until } from '../../harness/time.ts';

/** All spans of a trace, once `howMany` have arrived. */
export async function traceOf(
  receiver: OtlpReceiver,
  traceId: unknown,
  howMany: number,
): Promise<ReceivedSpan[]> {
  const arrived = () => {
    const spans = receiver.spans.items.filter((span) => span.traceId === traceId);
    return spans.sort((one, other) => one.startMs - other.startMs);
  };
  const all = async () => arrived().length >= howMany || undefined;
  await until(`${howMany} spans`, all).catch(({ message }: Error) => {
    throw new Error(`${message} but\n${tree(arrived()).join('\n')}`);
  });
  return arrived();
}

/** The spans as a tree of lines: service, kind, name, status, cause, error and link of each. */
export function tree(spans: ReceivedSpan[], parentId = '', depth = 0): string[] {
  const children = spans.filter((span) => span.parentId === parentId);
  return children.flatMap((span) => {
    const { service, name, kind, status, attributes, links } = span;
    const linked = links.map((id) => spans.find(({ spanId }) => spanId === id));
    const words = [
      service,
      kind,
      name,
      status,
      attributes['http.response.status_code'],
      attributes['request_scope.cause'],
      attributes['error.type'] && `error ${attributes['error.type']}`,
      ...linked.map((link) => `link to ${link?.kind} ${link?.name}`),
    ];
    const line = '  '.repeat(depth) + words.filter((word) => word !== undefined).join(' ');
    return [line, ...tree(spans, span.spanId, depth + 1)];
  });
}

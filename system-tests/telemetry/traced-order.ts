import { expect } from 'vitest';
import { type Pending, send } from '../../harness/clients.ts';
import type { OtlpReceiver } from '../../harness/otlp-receiver.ts';
import type { System } from '../../harness/system.ts';
import { traceOf } from './trace.ts';

/** The environment of services that send their traces to `receiver` within 50 ms. */
export function otlp(receiver: OtlpReceiver): Record<string, string> {
  return {
    OTEL_TRACES_EXPORTER: 'otlp',
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${receiver.url}/v1/traces`,
    OTEL_BSP_SCHEDULE_DELAY: '50',
  };
}

/** Places an order; resolves with the spans of its trace, and checks that its log lines carry their ids. */
export async function place(
  { order, all }: System,
  receiver: OtlpReceiver,
  howMany: number,
  headers: Record<string, string> = {},
  during: (pending: Pending) => Promise<void> = async () => {},
) {
  const pending = send(`${order.url}/order`, { headers });
  const { requestId } = pending;
  await during(pending);
  await pending.answer.catch(() => {});
  const { trace_id } = await order.outcome(requestId);
  const spans = await traceOf(receiver, trace_id, howMany);
  expect(spans).toHaveLength(howMany);
  const lines = all.flatMap((service) => service.find({ requestId }));
  expect(new Set(lines.map((line) => line.trace_id))).toEqual(new Set([trace_id]));
  const ids = new Set(spans.map(({ spanId }) => spanId));
  expect(lines.filter(({ span_id }) => !ids.has(String(span_id)))).toEqual([]);
  return spans;
}

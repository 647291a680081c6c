import { PassThrough } from 'node:stream';
import { TraceFlags, trace } from '@opentelemetry/api';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { contexts, contextUnder } from '../src/context.ts';
import { addTraceIds } from '../src/log-lines.ts';

test('a line has the ids of its request, and the logged object stays as it was', () => {
  addTraceIds(undefined);
  const lines = new PassThrough({ encoding: 'utf8' });
  const logger = pino({ base: null, timestamp: false }, lines);
  const ids = { traceId: '1'.repeat(32), spanId: '2'.repeat(16), traceFlags: TraceFlags.NONE };
  const fields = { order: 7 };
  contexts.run(contextUnder(trace.wrapSpanContext(ids)), () => logger.info(fields));
  expect(JSON.parse(lines.read())).toMatchObject({
    order: 7,
    trace_id: ids.traceId,
    span_id: ids.spanId,
  });
  expect(fields).toEqual({ order: 7 });
});

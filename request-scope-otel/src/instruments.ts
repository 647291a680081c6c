import type { Meter } from '@opentelemetry/api';

const MILLISECONDS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000];

/** The metrics of cancellations. */
export function createInstruments(meter: Meter) {
  return {
    canceled: meter.createCounter('request_scope.canceled', {
      description: 'Canceled requests and calls, by cause',
      unit: '{scope}',
    }),
    savedMs: meter.createCounter('request_scope.saved', {
      description:
        'Time saved by cancellation: the median duration of the route minus the actual one',
      unit: 'ms',
    }),
    workAfterAbortMs: meter.createHistogram('request_scope.work_after_abort', {
      description: 'Time from an abort to the end of the work; should stay near 0',
      unit: 'ms',
      advice: { explicitBucketBoundaries: MILLISECONDS },
    }),
  };
}

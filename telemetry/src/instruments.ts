import type { Meter } from '@opentelemetry/api';

/** The boundaries that the semantic conventions recommend for durations in seconds. */
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

export type Instruments = ReturnType<typeof createInstruments>;

/** All metrics that do not belong to one service, named by the semantic conventions where those have a name. */
export function createInstruments(meter: Meter) {
  const duration = (name: string, description: string) =>
    meter.createHistogram(name, {
      description,
      unit: 's',
      advice: { explicitBucketBoundaries: SECONDS },
    });
  return {
    served: duration('http.server.request.duration', 'Duration of incoming requests'),
    called: duration('http.client.request.duration', 'Duration of requests to other services'),
    queried: duration('db.client.operation.duration', 'Duration of database statements'),
  };
}

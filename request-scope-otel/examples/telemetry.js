// OpenTelemetry's NodeSDK with stock instrumentation, and what request-scope-otel adds. The exporters print.
//
//   npm install request-scope request-scope-otel @opentelemetry/api @opentelemetry/sdk-node \
//     @opentelemetry/instrumentation-http @opentelemetry/instrumentation-undici
//   node --import ./telemetry.js server.js
import { register } from 'node:module';
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http';
import { UndiciInstrumentation } from '@opentelemetry/instrumentation-undici';
import { metrics, NodeSDK, tracing } from '@opentelemetry/sdk-node';
import { CancellationSpanProcessor, observe } from 'request-scope-otel';

register('@opentelemetry/instrumentation/hook.mjs', import.meta.url);

const STATUSES = ['unset', 'ok', 'error'];
const KINDS = ['internal', 'server', 'client'];

/** Prints each span: its kind and status, and why it was canceled or failed. */
const spanExporter = {
  export(spans, done) {
    for (const { kind, status, attributes } of spans) {
      const words = [
        attributes['http.response.status_code'],
        attributes['request_scope.cause'],
        attributes['error.type'] && `error.type ${attributes['error.type']}`,
      ];
      console.log(KINDS[kind], STATUSES[status.code], ...words.filter(Boolean));
    }
    done({ code: 0 });
  },
  shutdown: async () => {},
};

/** Prints how many requests were canceled, and why. */
const metricExporter = {
  export({ scopeMetrics }, done) {
    const all = scopeMetrics.flatMap((scope) => scope.metrics);
    const canceled = all.find(({ descriptor }) => descriptor.name === 'request_scope.canceled');
    for (const { value, attributes } of canceled?.dataPoints ?? []) {
      console.log('request_scope.canceled', attributes['request_scope.cause'], value);
    }
    done({ code: 0 });
  },
  forceFlush: async () => {},
  shutdown: async () => {},
};

export const sdk = new NodeSDK({
  instrumentations: [new HttpInstrumentation(), new UndiciInstrumentation()],
  spanProcessors: [new CancellationSpanProcessor(), new tracing.BatchSpanProcessor(spanExporter)],
  metricReaders: [new metrics.PeriodicExportingMetricReader({ exporter: metricExporter })],
});
sdk.start();
observe();

import {
  INVALID_SPAN_CONTEXT,
  type TextMapPropagator,
  type Tracer,
  trace,
} from '@opentelemetry/api';

/** What spans are made and passed on with. A service that sends no traces has none. */
export interface Tracing {
  tracer: Tracer;
  propagator: TextMapPropagator;
}

/** Stands for a span where there are none; whatever is set on it is dropped. */
export const NO_SPAN = trace.wrapSpanContext(INVALID_SPAN_CONTEXT);

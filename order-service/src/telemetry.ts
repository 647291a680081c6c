// Only `@orders/telemetry` loads this file, and only when telemetry is on.
import type { ServiceTelemetry, Span } from '@orders/telemetry';
import type { OrderEnded, OrderVoid } from './events.ts';

/** Outcomes that are not failures. */
const BY_DESIGN = new Set<OrderEnded['outcome']>([
  'processed',
  'client-disconnected',
  'shutting-down',
]);

/** Counts orders by outcome, and gives each void a span of its own, linked to the payment call. */
export function start({
  tracer,
  meter,
  listen,
  runUnderSpan,
  currentRequest,
  codeLabel,
  setFailure,
}: ServiceTelemetry): void {
  const orders = meter.createCounter('orders.ended', {
    description: 'Orders by outcome, as in their log lines',
    unit: '{order}',
  });
  listen<OrderEnded>('orders:ended', ({ order, outcome, message }) => {
    orders.add(1, { 'orders.outcome': codeLabel(outcome) });
    const request = currentRequest();
    if (!request) return;
    request.span.setAttributes({
      'orders.outcome': outcome,
      'orders.order_id': order.orderID,
      'orders.product_id': order.productID,
    });
    if (!BY_DESIGN.has(outcome)) request.failure = { type: outcome, message };
  });

  const open = new Map<OrderVoid, { span: Span; since: number }>();
  runUnderSpan<OrderVoid>('orders:void', (started) => {
    // An order that needs a void made its payment call last. If another process made it, there is no link.
    const payment = currentRequest()?.lastCall;
    const span = tracer.startSpan('void payment', {
      attributes: { 'orders.order_id': started.order.orderID },
      links: payment ? [{ context: payment }] : [],
    });
    open.set(started, { span, since: performance.now() });
    return span;
  });
  listen<OrderVoid>('tracing:orders:void:asyncEnd', (ended) => {
    const { span } = open.get(ended) ?? {};
    open.delete(ended);
    if (!span) return;
    if (!ended.result) setFailure(span, { type: 'outcome-unknown', message: 'not acknowledged' });
    span.end();
  });

  meter
    .createObservableGauge('orders.voids.open', {
      description: 'Payments that are not yet known to be voided',
      unit: '{void}',
    })
    .addCallback((gauge) => gauge.observe(open.size));
  meter
    .createObservableGauge('orders.voids.oldest', {
      description: 'Age of the oldest open void, 0 without one',
      unit: 's',
    })
    .addCallback((gauge) => {
      const [oldest] = open.values();
      gauge.observe(oldest ? (performance.now() - oldest.since) / 1_000 : 0);
    });
}

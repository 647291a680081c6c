import { type Span, SpanStatusCode, type Tracer } from '@opentelemetry/api';
import { enterOn, listen } from '../../telemetry/src/channels.ts';
import { active, contextUnder, currentServed } from '../../telemetry/src/context.ts';
import type { Instruments } from '../../telemetry/src/instruments.ts';
import { codeLabel } from '../../telemetry/src/labels.ts';

// What is of this domain: whoever takes the package along leaves this file behind, or makes it theirs.

interface OrderEnded {
  order: { orderID: string; productID: string };
  outcome: string;
  message: string;
}

interface OrderVoid {
  order: { orderID: string };
  result?: boolean;
}

/** Outcomes that are no failure. */
const BY_DESIGN = new Set(['processed', 'client-disconnected', 'shutting-down']);

/** Orders by outcome, and each void: a span of its own, linked to the payment that it is for. */
export function watchOrders(tracer: Tracer, instruments: Instruments): void {
  listen<OrderEnded>('orders:ended', ({ order, outcome, message }) => {
    instruments.orders.add(1, { 'orders.outcome': codeLabel(outcome) });
    const served = currentServed();
    if (!served) return;
    served.span.setAttributes({
      'orders.outcome': outcome,
      'orders.order_id': order.orderID,
      'orders.product_id': order.productID,
    });
    if (!BY_DESIGN.has(outcome)) served.failed = { type: outcome, message };
  });

  const open = new Map<OrderVoid, { span: Span; since: number }>();
  enterOn<OrderVoid>('orders:void', (started) => {
    // The payment is the last call of an order that needs a void. An orphan's was another process's.
    const payment = currentServed()?.lastCall;
    const span = tracer.startSpan(
      'void payment',
      {
        attributes: { 'orders.order_id': started.order.orderID },
        links: payment ? [{ context: payment }] : [],
      },
      active(),
    );
    open.set(started, { span, since: performance.now() });
    return contextUnder(span);
  });
  listen<OrderVoid>('tracing:orders:void:asyncEnd', (ended) => {
    const { span } = open.get(ended) ?? {};
    open.delete(ended);
    if (!ended.result) {
      span?.setAttribute('error.type', 'outcome-unknown');
      span?.setStatus({ code: SpanStatusCode.ERROR, message: 'not acknowledged' });
    }
    span?.end();
  });
  instruments.voidsOpen.addCallback((gauge) => gauge.observe(open.size));
  instruments.oldestVoid.addCallback((gauge) => {
    const [oldest] = open.values();
    gauge.observe(oldest ? (performance.now() - oldest.since) / 1_000 : 0);
  });
}

import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { type LogLine, PrettyLines, readLine } from '../../chassis/src/pretty-line.ts';
import { ClosingLines } from '../closing-lines.ts';

/** What three services logged: one order was processed, two were hung up, and one ran out of its budget. */
const RECORDED = readFileSync(
  new URL('../../chassis/test/recorded-orders.jsonl', import.meta.url),
  'utf8',
);

test('the recorded log, as `npm start` shows it', () => {
  const shown: string[] = [];
  const pretty = new PrettyLines({ columns: 90 });
  const closing = new ClosingLines((line) => shown.push(line));
  for (const text of RECORDED.trim().split('\n')) {
    const line = readLine(text) as LogLine;
    const name = line.service?.replace('-service', '').padEnd(10);
    shown.push(name + pretty.format(line).replace(/^\d\d:/, '--:'));
    closing.take(line);
  }
  expect(`\n${shown.join('\n')}\n`).toBe(`
order     --:38:43.142           Placing order for product: 1234                            e50d3cf3
inventory --:38:45.152   2.0 s ✓ Inventory check completed for product: 1234                e50d3cf3
payment   --:38:48.176   5.0 s ✓ Payment processed for order: orderID-5678                  e50d3cf3
order     --:38:48.180   5.0 s ✓ Order successfully processed                               e50d3cf3
order     --:38:48.193           Placing order for product: 1234                            d28640b0
order     --:38:49.205   1.0 s ✕ Order canceled: client disconnected                        d28640b0
inventory --:38:49.207   +2 ms ✕ Inventory check canceled: client disconnected              d28640b0
── d28640b0: client disconnected · all work stopped within 2 ms · nothing charged ──────────────────
order     --:38:49.216           Placing order for product: 1234                            a054964e
inventory --:38:51.220   2.0 s ✓ Inventory check completed for product: 1234                a054964e
order     --:38:52.213   3.0 s ✕ Order canceled: client disconnected                        a054964e
payment   --:38:52.214   +1 ms ✕ Payment processing canceled: client disconnected           a054964e
payment   --:38:52.216   +3 ms ↺ Payment voided for order: orderID-5678                     a054964e
── a054964e: client disconnected · all work stopped within 1 ms · nothing charged ──────────────────
order     --:38:52.232           Placing order for product: 1234                            24eca47b
inventory --:38:54.234   2.0 s ✓ Inventory check completed for product: 1234                24eca47b
payment   --:38:55.233   3.0 s ✕ Payment processing canceled: client disconnected           24eca47b
order     --:38:55.242   +9 ms ✕ Payment processing failed: deadline exceeded               24eca47b
payment   --:38:55.254  +21 ms ↺ Payment voided for order: orderID-5678                     24eca47b
── 24eca47b: deadline exceeded · all work stopped within 9 ms · nothing charged ────────────────────
`);
});

/** Of a line; undefined leaves a field out. */
type Fields = { [Name in keyof LogLine]?: LogLine[Name] | undefined };

type Service = 'order' | 'inventory' | 'payment';

/** Builds a log of one order, each line a millisecond later than the one before. */
class Log {
  readonly closed: string[] = [];
  readonly closing: ClosingLines;
  #time = 1_000;

  constructor(waitMs?: number) {
    this.closing = new ClosingLines((line) => this.closed.push(line), waitMs);
  }

  add(service: Service, msg: string, fields: Fields = {}): this {
    this.#time += 1;
    // inventory-service does not know the key.
    const ids = { requestId: 'request-1', ...(service !== 'inventory' && { paymentKey: 'key-1' }) };
    const line = { level: 30, time: this.#time, service: `${service}-service`, msg, ...ids };
    this.closing.take(readLine(JSON.stringify({ ...line, ...fields })) as LogLine);
    return this;
  }

  /** A call reaches a service. */
  reached(service: Service): this {
    this.closing.reached(`${service}-service`, 'request-1');
    return this;
  }

  /** Time passes. */
  wait(ms: number): this {
    this.#time += ms;
    return this;
  }

  /** The order is placed. */
  placed(fields?: Fields): this {
    return this.add('order', 'Placing order for product: 1234', fields);
  }

  /** The order is placed and its check completed. */
  checked(): this {
    return this.placed().add('inventory', 'Inventory check completed for product: 1234');
  }

  /** The client hangs up, says order-service. */
  hungUp(fields?: Fields): this {
    return this.add('order', 'Order canceled: client disconnected', { ...HUNG_UP, ...fields });
  }

  stopped(fields?: Fields): this {
    return this.add('payment', 'Payment processing canceled for order: 1', {
      ...HUNG_UP,
      ...fields,
    });
  }

  voided(): this {
    return this.add('payment', 'Payment voided for order: 1');
  }

  charged(): this {
    return this.add('payment', 'Payment processed for order: 1');
  }

  /** What a closing line says, without its frame. */
  get said(): string[] {
    return this.closed.map((line) => {
      expect(line).toHaveLength(100);
      return line.replaceAll(/^── request-: | ─+$/g, '');
    });
  }
}

const HUNG_UP = { cause: 'client-disconnected' };
const FAILED = { level: 40, cause: 'deadline-exceeded' };

test('an order that is processed has no closing line, whatever comes later', () => {
  const log = new Log().checked().charged().add('order', 'Order successfully processed');
  expect(log.hungUp().closed).toEqual([]);
});

test('nothing is claimed before each service that had begun has ended its work', () => {
  const log = new Log().placed().hungUp();
  expect(log.closed).toEqual([]);
  log.wait(2_009).add('inventory', 'Inventory check canceled for product: 1', HUNG_UP);
  expect(log.said).toEqual([
    'client disconnected · all work stopped within 2.1 s · nothing charged',
  ]);
});

test('the lines of the services may come in any order', () => {
  const log = new Log().placed().hungUp();
  log.add('inventory', 'Inventory check completed for product: 1', { time: 1_001 });
  expect(log.voided().closed).toEqual([]);
  log.stopped({ time: 1_002 });
  expect(log.said).toEqual([
    'client disconnected · all work stopped within 1 ms · nothing charged',
  ]);
});

test('a charge is named until its void is acknowledged', () => {
  const log = new Log().checked().charged().hungUp();
  expect(log.closed).toEqual([]);
  log.voided();
  expect(log.said).toEqual([
    'client disconnected · all work stopped within 1 ms · nothing charged',
  ]);
});

test('a payment that is canceled and voided closes its order once', async () => {
  const log = new Log(1).checked().hungUp().stopped().voided();
  log.hungUp().stopped().voided();
  await sleep(20);
  expect(log.closed).toHaveLength(1);
});

test('a void that is reported as unknown, and acknowledged after all, closes its order as canceled', () => {
  const log = new Log().checked().charged().hungUp();
  log.add('order', 'Payment outcome unknown for order: 1', {
    level: 50,
    cause: 'deadline-exceeded',
  });
  expect(log.closed).toEqual([]);
  log.add('order', 'Payment voided after all for order: 1');
  expect(log.said).toEqual([
    'client disconnected · all work stopped within 1 ms · nothing charged',
  ]);
});

test('a bug in the check is no check that was completed', () => {
  const log = new Log().placed().add('inventory', 'Internal error', { level: 50 });
  const failed = 'Inventory check failed: inventory-service answered 500';
  log.add('order', failed, { level: 40, cause: 'other-status' });
  expect(log.closed).toHaveLength(1);
  expect(log.closed[0]).toContain('nothing charged');
});

test.each<[string, (log: Log) => Log, string]>([
  [
    'a check that does not stop',
    (log) => log.reached('inventory').placed().hungUp(),
    'client disconnected · no word from inventory-service · charge unknown',
  ],
  [
    'a check that was not begun',
    (log) => log.placed().hungUp(),
    'client disconnected · all work stopped within 1 ms · nothing charged',
  ],
  [
    'a payment that does not stop',
    (log) =>
      log
        .checked()
        .reached('payment')
        .add('order', 'Payment processing failed: deadline exceeded', FAILED),
    'deadline exceeded · no word from payment-service · charge unknown',
  ],
  [
    'a payment that was not begun',
    (log) => log.checked().hungUp(),
    'client disconnected · all work stopped within 1 ms · nothing charged',
  ],
  [
    'a charge without a void',
    (log) => log.checked().charged().hungUp(),
    'client disconnected · all work stopped within 1 ms · charged, void pending',
  ],
  [
    'a canceled payment without a void',
    (log) => log.checked().hungUp().stopped(),
    'client disconnected · all work stopped within 1 ms · nothing charged',
  ],
  [
    'a commit with an unknown outcome',
    (log) =>
      log
        .checked()
        .add('payment', 'Payment outcome unknown for order: 1', {
          level: 40,
          cause: 'database-unavailable',
        })
        .add('order', 'Payment processing failed: payment-service answered 500', {
          ...{ level: 40, cause: 'other-status' },
        }),
    'payment-service answered 500 · all work stopped within 1 ms · charge unknown',
  ],
  [
    'a payment-service without its database',
    (log) =>
      log.checked().add('order', 'Payment processing failed: payment-service answered 503', {
        ...{ level: 40, cause: 'other-status' },
      }),
    'payment-service answered 503 · all work stopped within 1 ms · charge unknown',
  ],
  [
    'an order whose record decides',
    (log) =>
      log
        .checked()
        .charged()
        .add('order', 'Order outcome unknown: ask again with its key', {
          ...{ level: 40, cause: 'outcome-unknown' },
        }),
    'outcome unknown · all work stopped within 1 ms · charged',
  ],
])('%s: after a while the closing line says what is known', async (_, fill, said) => {
  const log = fill(new Log(1));
  expect(log.closed).toEqual([]);
  await expect.poll(() => log.said).toEqual([said]);
});

test.each([
  ['Inventory check failed: inventory-service answered 404', 'other-status', false],
  ['Inventory check failed: inventory-service is unreachable (ECONNREFUSED)', 'unreachable', false],
  ['Payment processing failed: payment-service answered 422', 'request-refused', true],
  ['Payment processing failed: payment-service is unreachable (ECONNREFUSED)', 'unreachable', true],
])('%s: no line of that service is waited for', (msg, cause, isChecked) => {
  const log = isChecked ? new Log().checked() : new Log().placed();
  log.add('order', msg, { level: 40, cause });
  const [, reason = ''] = msg.split(': ');
  expect(log.said).toEqual([
    expect.stringMatching(/^\S+-service .* · all work stopped within 1 ms · nothing charged$/),
  ]);
  expect(reason.startsWith(`${log.said}`.replace(/…? ·.*/, ''))).toBe(true);
});

test('a long reason is cut, since the line above has it', () => {
  const reason = 'payment-service is unreachable (UNABLE_TO_VERIFY_LEAF_SIGNATURE)';
  const log = new Log().checked();
  log.add('order', `Payment processing failed: ${reason}`, { level: 40, cause: 'unreachable' });
  log.stopped().voided();
  expect(log.said).toEqual([
    expect.stringMatching(
      /^payment-service is unre.*… · all work stopped within 1 ms · nothing charged$/,
    ),
  ]);
});

test('a process that ends has ended its work; what it had charged is unknown', () => {
  const log = new Log().checked();
  log.closing.exited('payment-service', 'ended by SIGKILL');
  log.closing.exited('order-service', 'ended by SIGKILL');
  expect(log.closed).toEqual([]);
  log.closing.finish();
  expect(log.said).toEqual([
    expect.stringMatching(
      /^order-service ended by SIGKILL · all work stopped within \d+ ms · charge unknown$/,
    ),
  ]);
});

test('an order in its check when all processes end is closed at once: the payment was not called', () => {
  const log = new Log().placed();
  log.closing.exited('inventory-service', 'ended by SIGKILL');
  log.closing.exited('order-service', 'ended by SIGKILL');
  expect(log.said).toEqual([
    expect.stringMatching(/^order-service ended by SIGKILL · all work .* · nothing charged$/),
  ]);
});

test('a payment-service that restarts during a check is not taken for one that has ended its work', () => {
  const log = new Log().placed();
  log.closing.exited('payment-service', 'exited with code 0');
  log.add('inventory', 'Inventory check completed for product: 1').hungUp().voided();
  expect(log.closed).toEqual([]);
  log.stopped();
  expect(log.closed).toHaveLength(1);
});

test('a charge that order-service, now gone, has not voided is named', () => {
  const log = new Log().checked().charged().hungUp();
  log.closing.exited('order-service', 'exited with code 0');
  log.closing.finish();
  expect(log.said).toEqual(['client disconnected · all work stopped within 1 ms · charged']);
});

test('orders that are in flight under one request id have no closing line; the next one has', () => {
  const log = new Log().placed();
  const keys = ['key-2', 'key-3'];
  for (const paymentKey of keys) log.placed({ paymentKey });
  log.hungUp().add('inventory', 'Inventory check canceled for product: 1', HUNG_UP);
  for (const paymentKey of keys) log.hungUp({ paymentKey });
  expect(log.closed).toEqual([]);
  log.placed().hungUp().add('inventory', 'Inventory check canceled for product: 1', HUNG_UP);
  expect(log.closed).toHaveLength(1);
  log.placed().placed({ paymentKey: 'key-2' });
  log.closing.exited('order-service', 'ended by SIGKILL');
  log.placed().hungUp().add('inventory', 'Inventory check canceled for product: 1', HUNG_UP);
  expect(log.closed).toHaveLength(2);
});

test('an order under the id of one that has failed closes that one as far as it is known', () => {
  const log = new Log().placed().hungUp().placed({ paymentKey: 'key-2' });
  expect(log.said).toEqual([
    'client disconnected · no word from inventory-service · charge unknown',
  ]);
  log.add('inventory', 'Inventory check canceled for product: 1', HUNG_UP);
  log.hungUp({ paymentKey: 'key-2' });
  expect(log.closed).toHaveLength(1);
});

test.each<[string, Fields]>([
  ['a refusal of the same id', { service: 'order-service', paymentKey: undefined }],
  ['another payment', { service: 'payment-service', paymentKey: 'key-2' }],
  ['no request', { requestId: undefined }],
])('the line of %s is not the order’s', (_, fields) => {
  const log = new Log().checked().hungUp();
  log.stopped(fields).voided().add('payment', 'Internal error', { level: 50 });
  expect(log.closed).toEqual([]);
  log.stopped();
  expect(log.closed).toHaveLength(1);
});

test('once lines are lost, nothing is claimed of the orders in flight', async () => {
  const log = new Log(1).placed();
  log.add('order', 'Log lines lost: 3 (EAGAIN)', { requestId: undefined, level: 40 });
  log.add('inventory', 'Inventory check canceled for product: 1', HUNG_UP).hungUp();
  await sleep(20);
  log.closing.finish();
  expect(log.closed).toEqual([]);
});

test('beyond 10,000 orders in flight no further one is followed', () => {
  const log = new Log();
  for (let n = 0; n <= 10_000; n += 1) log.placed({ requestId: `${n}`, paymentKey: `${n}` });
  log.closing.exited('inventory-service', 'ended by SIGKILL');
  log.closing.exited('order-service', 'ended by SIGKILL');
  expect(log.closed).toHaveLength(10_000);
});

import { readFileSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import { columnsOf, type LogLine, PrettyLines, readLine } from '../src/pretty-line.ts';

/** What three services logged: one order was processed, two were hung up, and one ran out of its budget. */
const RECORDED = readFileSync(new URL('recorded-orders.jsonl', import.meta.url), 'utf8');

/** The lines as one text, with dashes for the hour, which depends on the time zone. */
function shown(lines: readonly string[], pretty = new PrettyLines()): string {
  const texts = lines.map((line) => pretty.format(readLine(line) as LogLine));
  return texts.join('\n').replaceAll(/^\d\d:/gm, '--:');
}

const recordedOf = (service: string) =>
  RECORDED.split('\n').filter((line) => line.includes(`"service":"${service}"`));

test('one service shows what it knows: how long it worked, and what came how long after a cancellation', () => {
  expect(`\n${shown(recordedOf('order-service'))}\n`).toBe(`
--:38:43.142           Placing order for product: 1234                                      e50d3cf3
--:38:48.180   5.0 s ✓ Order successfully processed                                         e50d3cf3
--:38:48.193           Placing order for product: 1234                                      d28640b0
--:38:49.205   1.0 s ✕ Order canceled: client disconnected                                  d28640b0
--:38:49.216           Placing order for product: 1234                                      a054964e
--:38:52.213   3.0 s ✕ Order canceled: client disconnected                                  a054964e
--:38:52.232           Placing order for product: 1234                                      24eca47b
--:38:55.242   3.0 s ✕ Payment processing failed: deadline exceeded                         24eca47b
`);
  expect(`\n${shown(recordedOf('inventory-service'))}\n`).toBe(`
--:38:45.152         ✓ Inventory check completed for product: 1234                          e50d3cf3
--:38:49.207   1.0 s ✕ Inventory check canceled: client disconnected                        d28640b0
--:38:51.220         ✓ Inventory check completed for product: 1234                          a054964e
--:38:54.234         ✓ Inventory check completed for product: 1234                          24eca47b
`);
  expect(`\n${shown(recordedOf('payment-service'))}\n`).toBe(`
--:38:48.176         ✓ Payment processed for order: orderID-5678                            e50d3cf3
--:38:52.214  988 ms ✕ Payment processing canceled: client disconnected                     a054964e
--:38:52.216   +2 ms ↺ Payment voided for order: orderID-5678                               a054964e
--:38:55.233  996 ms ✕ Payment processing canceled: client disconnected                     24eca47b
--:38:55.254  +21 ms ↺ Payment voided for order: orderID-5678                               24eca47b
`);
});

const IDS = { requestId: 'r'.repeat(128), productID: '7', orderID: '8', paymentKey: '9' };
const CANCELED = { ...IDS, cause: 'client-disconnected', elapsedMs: 1_004 };
const LEVELS = { info: 30, warn: 40, error: 50 };

/** One line of a log as text. */
function line(level: keyof typeof LEVELS, msg: string, fields: object = IDS): string {
  return shown([JSON.stringify({ level: LEVELS[level], time: 0, ...fields, msg })]);
}

describe('the mark of a line', () => {
  test.each([
    ['✓', 'Inventory check completed for product: 7', IDS],
    ['✓', 'Order successfully processed', IDS],
    ['↺', 'Payment voided for order: 8', IDS],
    [' ', 'Placing order for product: processed', { ...IDS, productID: 'processed' }],
  ])('is "%s" for %s', (mark, msg, fields) => {
    expect(line('info', msg, fields)).toContain(` ${mark} ${msg} `);
  });

  test('is "!" for what an operator should know; an error says what it is about and why', () => {
    const msg = 'Payment outcome unknown for order: 8';
    const fields = { ...IDS, cause: 'shutting-down' };
    expect(line('error', msg, fields)).toMatch(/! ERROR: .* for order: 8 \(shutting down\) +r{8}$/);
    expect(line('warn', 'Log lines lost: 3', {})).toMatch(/ {9}! Log lines lost: 3$/);
  });
});

test('the reason stands in a line once', () => {
  const failed = 'Inventory check failed: inventory-service answered 404';
  expect(line('info', 'Order canceled: client disconnected', CANCELED)).toMatch(
    / {3}1\.0 s ✕ Order canceled: client disconnected +r{8}$/,
  );
  expect(line('warn', failed, { ...CANCELED, cause: 'other-status' })).toMatch(
    /✕ Inventory check failed: inventory-service answered 404 +r{8}$/,
  );
});

test.each([
  [0, '<1 ms'],
  [999, '999 ms'],
  [2_040, '2.0 s'],
  [250_000, '250 s'],
  [3_600_000, '>1 h'],
])('a line %i ms after a cancellation says +%s', (ms, text) => {
  const canceled = { level: 30, time: 1_000, ...CANCELED, msg: 'Payment canceled' };
  const voided = { level: 30, time: 1_000 + ms, ...IDS, msg: 'Payment voided' };
  const [, second = ''] = shown([canceled, voided].map((each) => JSON.stringify(each))).split('\n');
  expect(second.slice(12, 21).trim()).toBe(`+${text}`);
  expect(columnsOf(second)).toBe(100);
});

test('another request under the same id begins anew', () => {
  const canceled = { level: 30, time: 0, service: 'o', ...CANCELED, msg: 'Order canceled: x' };
  const { paymentKey: _, ...ids } = IDS;
  const refused = { level: 30, time: 5_000, service: 'o', ...ids, msg: 'Order refused: y' };
  const next = { ...canceled, time: 9_000, paymentKey: '10', elapsedMs: 2_000 };
  const text = shown([canceled, refused, next].map((each) => JSON.stringify(each)));
  expect(text).toMatch(/ {3}1\.0 s ✕.*\n\S{12} {11}Order refused.*\n.* {3}2\.0 s ✕/);
});

const LONG_ID = `\u{1F600}${'x'.repeat(127)}`;

test.each([
  [
    'canceled',
    'Payment processing canceled for order: ',
    30,
    /canceled: client disconnected +r{8}$/,
  ],
  [
    'warned of',
    'Payment outcome unknown for order: ',
    40,
    /order: \u{1F600}x+… \(client disconnected\) r{8}$/u,
  ],
  ['processed', 'Payment processed for order: ', 30, /order: \u{1F600}x+… r{8}$/u],
])(
  'the line of a payment that is %s fits into 100 columns, however long its id is',
  (_, msg, level, end) => {
    const isProcessed = msg.includes('processed');
    const fields = { ...(isProcessed ? IDS : CANCELED), orderID: LONG_ID };
    const text = shown([JSON.stringify({ level, time: 0, ...fields, msg: msg + LONG_ID })]);
    expect(text).toMatch(end);
    expect(columnsOf(text)).toBe(100);
  },
);

test('an id in an error is not shortened', () => {
  const msg = `Payment outcome unknown for order: ${LONG_ID}`;
  const text = line('error', msg, { ...IDS, orderID: LONG_ID });
  expect(text.replaceAll(/\s+|r{8}/g, '')).toContain(msg.replaceAll(' ', ''));
});

test.each(['商品', '한국어', 'カード。', 'ｆｕｌｌ', '\u{1F600}'])(
  '%s counts as two columns per character',
  (word) => {
    expect(columnsOf(word)).toBe(2 * [...word].length);
  },
);

test('letters with marks, and the signs of a line, count as one column', () => {
  expect(columnsOf('e\u0301é…✓─·')).toBe(6);
});

test('a cause is never cut: it goes on below', () => {
  const cause = 'payment-service is unreachable (UNABLE_TO_VERIFY_LEAF_SIGNATURE)';
  const text = line('warn', `Payment processing failed: ${cause}`, {
    ...CANCELED,
    cause: 'unreachable',
  });
  expect(text.split('\n').map((part) => part.trim())).toEqual([
    expect.stringMatching(/✕ Payment processing failed: payment-service is unreachable +r{8}$/),
    '(UNABLE_TO_VERIFY_LEAF_SIGNATURE)',
  ]);
  expect(line('info', `a ${'w'.repeat(66)} end`)).toMatch(/ a w{66} r{8}\n +end$/);
  const word = 'w'.repeat(150);
  const parts = line('info', `${word} end`).split('\n');
  expect(Math.max(...parts.map(columnsOf))).toBe(100);
  expect(parts.join('').replaceAll(/ |r{8}/g, '')).toContain(`${word}end`);
});

test('invisible characters, and those that reverse the line, are escaped', () => {
  const odd = '\u202Er\u2066 \u2028\u009B31m\u200B\uD800';
  expect(line('info', `Payment voided for order: ${odd}`, { orderID: odd })).toMatch(
    /order: \\u\{202e\}r\\u\{2066\} \\u\{2028\}\\u\{9b\}31m\\u\{200b\}\\u\{d800\}$/,
  );
});

test('the address of a trace is on a line of its own', () => {
  const traceUrl = `http://localhost:16686/trace/${'1'.repeat(100)}`;
  const [first, second] = line('info', 'Placing order', { requestId: 'r', traceUrl }).split('\n');
  expect(first).toMatch(/ Placing order +r$/);
  expect(second?.trim()).toBe(traceUrl);
});

test('a bug keeps its stack, and what else its error has', () => {
  const err = {
    type: 'TypeError',
    message: 'a bug',
    stack: 'TypeError: a bug\n    at f (x.ts:1:2)',
    code: 'E1',
  };
  expect(line('error', 'Internal error', { err })).toMatch(
    /! ERROR: Internal error\n +TypeError: a bug\n +at f \(x\.ts:1:2\)\n +\{ code: 'E1' \}$/,
  );
  expect(line('error', 'Internal error', { err: 'text' })).toMatch(/Internal error\n +'text'$/);
});

test('colours distinguish a cancellation, without a change to the text', () => {
  const recorded = recordedOf('payment-service');
  const coloured = shown(recorded, new PrettyLines({ isColourful: true }));
  expect(coloured).toContain(
    '\u001B[33m✕ Payment processing canceled: client disconnected\u001B[39m',
  );
  const plain = stripVTControlCharacters(coloured).replaceAll(/^\d\d:/gm, '--:');
  expect(plain).toBe(shown(recorded));
});

test.each([
  '',
  'text',
  '{',
  'null',
  '1',
  '[]',
  '{"msg":"x"}',
  '{"time":1}',
  '{"time":"1","msg":"x"}',
  '{"time":1,"msg":"x","requestId":1}',
])('%j is no line of a log', (text) => {
  expect(readLine(text)).toBeUndefined();
});

test('20,000 orders later the first is forgotten', () => {
  const pretty = new PrettyLines();
  const canceled = (n: number) => ({
    level: 30,
    time: 0,
    msg: 'x',
    cause: 'y',
    paymentKey: `${n}`,
  });
  for (let n = 0; n <= 20_000; n += 1) pretty.format(canceled(n));
  expect(pretty.format(canceled(1)).slice(12, 21).trim()).toBe('+<1 ms');
  expect(pretty.format(canceled(0)).slice(12, 21).trim()).toBe('');
});

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PaymentServiceUnderTest } from '../payment-service-under-test.ts';

let service: PaymentServiceUnderTest;
beforeEach(() => {
  service = new PaymentServiceUnderTest();
});
afterEach(() => service.close());

describe('the key', () => {
  test.each([
    ['k', 'k'],
    ['"a-structured-string"', 'a-structured-string'],
    ['"a\\"b\\\\c"', 'a"b\\c'],
    ['"\\"quoted\\""', '"quoted"'],
    ['!~', '!~'],
    ['x'.repeat(128), 'x'.repeat(128)],
    [`"${'x'.repeat(128)}"`, 'x'.repeat(128)],
  ])('%s is taken, and echoed so that it reads the same', async (sent, key) => {
    await service.start(1);
    const { headers } = await service.pay(sent).expect(200);
    expect(await service.payments()).toMatchObject([{ paymentKey: key }]);
    await service.pay(String(headers['idempotency-key'])).expect(200);
    expect(await service.payments()).toHaveLength(1);
  });

  test('bare and quoted is the same', async () => {
    await service.start(1);
    await service.pay('"abc"').expect(200);
    await service.pay('abc').expect(200);
    expect(service.messages()).toEqual(['Payment processed for order: X']);
  });

  test.each(['', 'a b', 'x'.repeat(129), 'caf\u00e9', '""', '"', '"a', '"a"b"', '"a\\b"', '"a b"'])(
    '%j is refused',
    async (key) => {
      await service.start(1);
      const { text } = await service.pay(key).expect(400);
      expect(text).toMatch(/^Idempotency-Key must be 1 to 128 visible ASCII characters, .*\n$/);
      expect(await service.payments()).toEqual([]);
    },
  );

  test('is on every answer that it was sent for', async () => {
    await service.start(1);
    for (const call of [
      service.pay('key'),
      service.pay('key'),
      service.revoke('key'),
      service.pay('key'),
    ]) {
      expect((await call).headers['idempotency-key']).toBe('key');
    }
  });
});

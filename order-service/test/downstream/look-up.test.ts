import { expect, test } from 'vitest';
import { anyFirst } from '../../src/downstream/look-up.ts';

const replicas = ['10.0.0.1', '10.0.0.2', '10.0.0.3'].map((address) => ({ address, family: 4 }));
const FALLBACK = { address: '::1', family: 6 };

test('each replica comes first at times, and the family that is preferred always', () => {
  const firsts = new Set<string | undefined>();
  for (let count = 0; count < 1_000; count += 1) {
    const addresses = anyFirst([...replicas, FALLBACK]);
    expect(addresses).toHaveLength(4);
    expect(addresses.at(-1)).toEqual(FALLBACK);
    firsts.add(addresses[0]?.address);
  }
  expect(firsts.size).toBe(3);
});

test('no address is no address', () => {
  expect(anyFirst([])).toEqual([]);
});

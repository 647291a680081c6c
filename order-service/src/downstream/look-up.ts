import type { LookupAddress } from 'node:dns';
import { lookup as resolve } from 'node:dns/promises';
import type { LookupFunction } from 'node:net';

const underWay = new Map<string, Promise<LookupAddress[]>>();

/**
 * One look-up of a name at a time, for all who ask. Looking up takes a thread of the four that Node
 * has: a name that is gone, asked for by each call to it, would keep every other name waiting.
 * Of several addresses any may come first: the resolver sorts them, and one replica would get all.
 */
export const lookUp: LookupFunction = (hostname, _options, callback) => {
  const found =
    underWay.get(hostname) ??
    resolve(hostname, { all: true }).finally(() => underWay.delete(hostname));
  underWay.set(hostname, found);
  found.then(
    (addresses) => callback(null, anyFirst(addresses)),
    (error) => callback(error, []),
  );
};

/** `addresses`, begun at any of them; the family that the resolver prefers stays first. */
export function anyFirst(addresses: LookupAddress[]): LookupAddress[] {
  const start = Math.floor(Math.random() * addresses.length);
  const turned = [...addresses.slice(start), ...addresses.slice(0, start)];
  const preferred = addresses[0]?.family;
  return turned.sort((a, b) => Number(b.family === preferred) - Number(a.family === preferred));
}

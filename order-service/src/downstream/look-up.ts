import type { LookupAddress } from 'node:dns';
import { lookup as resolve } from 'node:dns/promises';
import type { LookupFunction } from 'node:net';

const pending = new Map<string, Promise<LookupAddress[]>>();

/**
 * Looks a host name up once for all calls that need it at the same time. A look-up blocks one of Node's four
 * threads: if each call looked up a name that is gone, all other names would have to wait. Returns several
 * addresses in a random order, because the resolver sorts them and one replica would get every call.
 */
export const lookUp: LookupFunction = (hostname, _options, callback) => {
  const found =
    pending.get(hostname) ??
    resolve(hostname, { all: true }).finally(() => pending.delete(hostname));
  pending.set(hostname, found);
  found.then(
    (addresses) => callback(null, anyFirst(addresses)),
    (error) => callback(error, []),
  );
};

/** Rotates `addresses` by a random number. The family that the resolver prefers stays first. */
export function anyFirst(addresses: LookupAddress[]): LookupAddress[] {
  const start = Math.floor(Math.random() * addresses.length);
  const rotated = [...addresses.slice(start), ...addresses.slice(0, start)];
  const preferred = addresses[0]?.family;
  return rotated.sort((a, b) => Number(b.family === preferred) - Number(a.family === preferred));
}

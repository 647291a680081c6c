import type { LookupAddress } from 'node:dns';
import { lookup as resolve } from 'node:dns/promises';
import type { LookupFunction } from 'node:net';

const underWay = new Map<string, Promise<LookupAddress[]>>();

/**
 * One look-up of a name at a time, for all who ask. Looking up takes a thread of the four that Node
 * has: a name that is gone, asked for by each call to it, would keep every other name waiting.
 */
export const lookUp: LookupFunction = (hostname, _options, callback) => {
  const found =
    underWay.get(hostname) ??
    resolve(hostname, { all: true }).finally(() => underWay.delete(hostname));
  underWay.set(hostname, found);
  found.then(
    (addresses) => callback(null, addresses),
    (error) => callback(error, []),
  );
};

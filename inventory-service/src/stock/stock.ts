import type { Scope } from 'request-scope';

/** The part of a Scope that a check needs. */
export type StockScope = Pick<Scope, 'signal' | 'remainingMs'>;

/** The products in stock. */
export interface Stock {
  /**
   * Resolves if the product is available, which every product is. Rejects with the reason of `scope` as
   * soon as that aborts.
   */
  check(productID: string, scope: StockScope): Promise<void>;
}

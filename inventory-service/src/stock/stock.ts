import type { ScopeView } from 'request-scope';

export interface Stock {
  /**
   * Resolves if the product is available. Every product is, even one that is not in stock.
   *
   * @throws as soon as `scope` aborts.
   */
  check(productID: string, scope: ScopeView): Promise<void>;
}

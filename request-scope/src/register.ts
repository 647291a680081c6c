/** Adds a scope to a drain. `Symbol.for` makes several copies of the package agree. */
export const REGISTER: unique symbol = Symbol.for('request-scope.register');

/** How long aborted handlers and hooks have to respond or to log, in milliseconds. */
export const ABORTED_TIMEOUT_MS = 1_000;

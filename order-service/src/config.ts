import { durationMs, httpUrl, integer, readServiceConfig, retentionMs } from '@orders/chassis';

export type Config = ReturnType<typeof readConfig>;

/** A void needs no processing time: if the answer does not come soon, a retry is better. */
const VOID_TIMEOUT_MS = 2_000;

/** Must fit into Compose's stop_grace_period, with SHUTDOWN_TIMEOUT_MS and a second for aborted requests. */
const VOID_SHUTDOWN_MS = 15_000;

/**
 * Reads the configuration from `env`.
 * @throws {StartError} if a variable is invalid.
 */
export function readConfig(env: NodeJS.ProcessEnv) {
  // payment-service reads the same two variables, with the same defaults.
  const callTimeoutMs = durationMs(env, 'CALL_TIMEOUT_MS', 5_000);
  const voidGiveUpMs = durationMs(env, 'VOID_GIVE_UP_MS', 60_000);
  return {
    ...readServiceConfig(env, 8080),
    inventoryUrl: httpUrl(env, 'INVENTORY_URL', 'http://localhost:8081'),
    paymentUrl: httpUrl(env, 'PAYMENT_URL', 'http://localhost:8082'),
    callTimeoutMs,
    voidGiveUpMs,
    retentionMs: retentionMs(callTimeoutMs, voidGiveUpMs),
    /** The timeout of one try to void, in milliseconds. */
    voidTimeoutMs: VOID_TIMEOUT_MS,
    /** How long voids have at a shutdown, in milliseconds from the end of the last request. */
    voidShutdownMs: VOID_SHUTDOWN_MS,
    /** The maximum of orders in flight and pending voids together. Beyond it, orders are refused. */
    maxInFlight: integer(env, 'MAX_IN_FLIGHT', 8_000, 1_000_000),
  };
}

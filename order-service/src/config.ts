import { durationMs, httpUrl, integer, readServiceConfig, retentionMs } from '@orders/chassis';

export type Config = ReturnType<typeof readConfig>;

/** A void takes no time to process: if it is not answered soon, trying again is better. */
const VOID_TIMEOUT_MS = 2_000;

/** With SHUTDOWN_TIMEOUT_MS and a second for aborted requests it must fit into Compose's stop grace. */
const VOID_SHUTDOWN_MS = 15_000;

/** The configuration in `env`. Throws StartError. */
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
    /** How long one try to void may take. */
    voidTimeoutMs: VOID_TIMEOUT_MS,
    /** How long voids have at a shutdown, from the moment that the requests have ended. */
    voidShutdownMs: VOID_SHUTDOWN_MS,
    /** Orders in flight and voids under way, beyond which a new order is turned away. */
    maxInFlight: integer(env, 'MAX_IN_FLIGHT', 8_000, 1_000_000),
  };
}

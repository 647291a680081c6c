import { durationMs, type EdgeConfig, httpUrl, integer, readEdgeConfig } from '@orders/chassis';

export interface Config extends EdgeConfig {
  inventoryUrl: string;
  paymentUrl: string;
  /** How long each downstream call may take. */
  callTimeoutMs: number;
  /** After it a payment that is not known to be voided is reported; it is still tried. */
  voidGiveUpMs: number;
  /** How long one try to void may take. */
  voidTimeoutMs: number;
  /** How long voids have at a shutdown, from the moment that the requests have ended. */
  voidShutdownMs: number;
  /** How long an order is remembered by its caller's Idempotency-Key. */
  keyRetentionMs: number;
  /** Orders in flight and voids under way, beyond which a new order is turned away. */
  maxInFlight: number;
}

/** A void is no work, only a change of mind: one that is not answered soon is better tried again. */
const VOID_TIMEOUT_MS = 1_000;

/** With SHUTDOWN_TIMEOUT_MS and a second for aborted requests it must fit into Compose's stop grace. */
const VOID_SHUTDOWN_MS = 10_000;

/** Added to the time that an attempt and its void may take, as the payment service does. */
const RETENTION_MARGIN_MS = 600_000;

/** The configuration in `env`. Throws StartError. */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  const callTimeoutMs = durationMs(env, 'CALL_TIMEOUT_MS', 5_000);
  const voidGiveUpMs = durationMs(env, 'VOID_GIVE_UP_MS', 60_000);
  return {
    ...readEdgeConfig(env, 8080),
    inventoryUrl: httpUrl(env, 'INVENTORY_URL', 'http://localhost:8081'),
    paymentUrl: httpUrl(env, 'PAYMENT_URL', 'http://localhost:8082'),
    callTimeoutMs,
    voidGiveUpMs,
    voidTimeoutMs: VOID_TIMEOUT_MS,
    voidShutdownMs: VOID_SHUTDOWN_MS,
    keyRetentionMs: voidGiveUpMs + callTimeoutMs + RETENTION_MARGIN_MS,
    maxInFlight: integer(env, 'MAX_IN_FLIGHT', 8_000, 1_000_000),
  };
}

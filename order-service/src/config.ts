import {
  type EdgeConfig,
  httpUrl,
  integer,
  readAttemptTimes,
  readEdgeConfig,
} from '@orders/chassis';

export interface Config extends EdgeConfig {
  inventoryUrl: string;
  paymentUrl: string;
  /** How long each downstream call may take; the default is in chassis/src/config.ts. */
  callTimeoutMs: number;
  /** After it a payment that is not known to be voided is reported; it is still tried. */
  voidGiveUpMs: number;
  /** How long one try to void may take. */
  voidTimeoutMs: number;
  /** How long voids have at a shutdown, from the moment that the requests have ended. */
  voidShutdownMs: number;
  /** How long payments are remembered, and orders by their caller's Idempotency-Key. */
  retentionMs: number;
  /** Orders in flight and voids under way, beyond which a new order is turned away. */
  maxInFlight: number;
}

/** A void takes no time to process: if it is not answered soon, trying again is better. */
const VOID_TIMEOUT_MS = 2_000;

/** With SHUTDOWN_TIMEOUT_MS and a second for aborted requests it must fit into Compose's stop grace. */
const VOID_SHUTDOWN_MS = 15_000;

/** The configuration in `env`. Throws StartError. */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  return {
    ...readEdgeConfig(env, 8080),
    inventoryUrl: httpUrl(env, 'INVENTORY_URL', 'http://localhost:8081'),
    paymentUrl: httpUrl(env, 'PAYMENT_URL', 'http://localhost:8082'),
    ...readAttemptTimes(env),
    voidTimeoutMs: VOID_TIMEOUT_MS,
    voidShutdownMs: VOID_SHUTDOWN_MS,
    maxInFlight: integer(env, 'MAX_IN_FLIGHT', 8_000, 1_000_000),
  };
}

import { durationMs, type EdgeConfig, httpUrl, integer, readEdgeConfig } from '@orders/chassis';

export interface Config extends EdgeConfig {
  inventoryUrl: string;
  paymentUrl: string;
  /** How long each downstream call may take. */
  callTimeoutMs: number;
  /** How long a payment whose outcome is unknown is tried to be voided. */
  voidGiveUpMs: number;
  /** Orders in flight and voids under way, beyond which a new order is turned away. */
  maxInFlight: number;
}

/** The configuration in `env`. Throws StartError. */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  return {
    ...readEdgeConfig(env, 8080),
    inventoryUrl: httpUrl(env, 'INVENTORY_URL', 'http://localhost:8081'),
    paymentUrl: httpUrl(env, 'PAYMENT_URL', 'http://localhost:8082'),
    callTimeoutMs: durationMs(env, 'CALL_TIMEOUT_MS', 5_000),
    voidGiveUpMs: durationMs(env, 'VOID_GIVE_UP_MS', 60_000),
    maxInFlight: integer(env, 'MAX_IN_FLIGHT', 8_000, 1_000_000),
  };
}

import {
  durationMs,
  type EdgeConfig,
  type Environment,
  httpUrl,
  readEdgeConfig,
} from '@orders/chassis';

export interface Config extends EdgeConfig {
  inventoryUrl: string;
  paymentUrl: string;
  /** How long each downstream call may take. */
  callTimeoutMs: number;
}

/** The configuration in `env`. Throws ConfigError. */
export function readConfig(env: Environment): Config {
  return {
    ...readEdgeConfig(env, 8080),
    inventoryUrl: httpUrl(env, 'INVENTORY_URL', 'http://localhost:8081'),
    paymentUrl: httpUrl(env, 'PAYMENT_URL', 'http://localhost:8082'),
    callTimeoutMs: durationMs(env, 'CALL_TIMEOUT_MS', 5_000),
  };
}

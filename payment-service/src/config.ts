import { durationMs, type EdgeConfig, type Environment, readEdgeConfig } from '@orders/chassis';

export interface Config extends EdgeConfig {
  paymentDurationMs: number;
}

/** The configuration in `env`. Throws ConfigError. */
export function readConfig(env: Environment): Config {
  return {
    ...readEdgeConfig(env, 8082),
    paymentDurationMs: durationMs(env, 'PAYMENT_DURATION_MS', 3_000),
  };
}

import { durationMs, type EdgeConfig, readEdgeConfig } from '@orders/chassis';

export interface Config extends EdgeConfig {
  paymentDurationMs: number;
  /** How long settled payments are remembered: longer than a void for one can still arrive. */
  retentionMs: number;
}

const RETENTION_MARGIN_MS = 600_000;

/** The configuration in `env`. Throws StartError. */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  return {
    ...readEdgeConfig(env, 8082),
    paymentDurationMs: durationMs(env, 'PAYMENT_DURATION_MS', 3_000),
    retentionMs:
      durationMs(env, 'VOID_GIVE_UP_MS', 60_000) +
      durationMs(env, 'CALL_TIMEOUT_MS', 5_000) +
      RETENTION_MARGIN_MS,
  };
}

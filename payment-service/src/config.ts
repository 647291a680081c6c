import {
  durationMs,
  readAttemptTimes,
  readServiceConfig,
  type ServiceConfig,
} from '@orders/chassis';

export interface Config extends ServiceConfig {
  paymentDurationMs: number;
  /** How long settled payments are remembered: longer than a void for one can still arrive. */
  retentionMs: number;
}

/** The configuration in `env`. Throws StartError. */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  return {
    ...readServiceConfig(env, 8082),
    paymentDurationMs: durationMs(env, 'PAYMENT_DURATION_MS', 3_000),
    retentionMs: readAttemptTimes(env).retentionMs,
  };
}

import { durationMs, readServiceConfig, retentionMs, type ServiceConfig } from '@orders/chassis';

export interface Config extends ServiceConfig {
  /** The simulated work of a charge. */
  paymentDurationMs: number;
  /** How long settled payments are remembered: longer than the last try of a void can take. */
  retentionMs: number;
}

/**
 * Reads the configuration from `env`. CALL_TIMEOUT_MS and VOID_GIVE_UP_MS must be those of order-service.
 *
 * @throws {StartError} if a variable has a bad value.
 */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  const callTimeoutMs = durationMs(env, 'CALL_TIMEOUT_MS', 5_000);
  const voidGiveUpMs = durationMs(env, 'VOID_GIVE_UP_MS', 60_000);
  return {
    ...readServiceConfig(env, 8082),
    paymentDurationMs: durationMs(env, 'PAYMENT_DURATION_MS', 3_000),
    retentionMs: retentionMs(callTimeoutMs, voidGiveUpMs),
  };
}

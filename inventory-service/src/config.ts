import { durationMs, readServiceConfig, type ServiceConfig } from '@orders/chassis';

export interface Config extends ServiceConfig {
  /** The simulated work of a check. */
  checkDurationMs: number;
}

/**
 * Reads the configuration from `env`.
 *
 * @throws {StartError} if a variable has a bad value.
 */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  return {
    ...readServiceConfig(env, 8081),
    checkDurationMs: durationMs(env, 'CHECK_DURATION_MS', 2_000),
  };
}

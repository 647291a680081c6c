import { durationMs, readServiceConfig, type ServiceConfig } from '@orders/chassis';

export interface Config extends ServiceConfig {
  checkDurationMs: number;
}

/** The configuration in `env`. Throws StartError. */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  return {
    ...readServiceConfig(env, 8081),
    checkDurationMs: durationMs(env, 'CHECK_DURATION_MS', 2_000),
  };
}

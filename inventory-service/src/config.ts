import { durationMs, type EdgeConfig, readEdgeConfig } from '@orders/chassis';

export interface Config extends EdgeConfig {
  checkDurationMs: number;
}

/** The configuration in `env`. Throws StartError. */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  return {
    ...readEdgeConfig(env, 8081),
    checkDurationMs: durationMs(env, 'CHECK_DURATION_MS', 2_000),
  };
}

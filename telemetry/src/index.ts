// Loaded with `node --import`. Loads the rest, and OpenTelemetry with it, only if a variable asks for it.
import { readConfig } from './config.ts';

export type { ServiceTelemetry, Span } from './service.ts';

const config = readConfig(process.env);
if (config) {
  const { start } = await import('./start.ts');
  await start(config);
}

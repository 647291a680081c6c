// Loaded with `node --import`. Loads the rest, OpenTelemetry with it, only where a variable asks for it.
import { readConfig } from './config.ts';

const config = readConfig(process.env);
if (config) {
  const { start } = await import('./start.ts');
  await start(config);
}

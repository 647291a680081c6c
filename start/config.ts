import { devNull } from 'node:os';
import { integer } from '../chassis/src/config.ts';
import { SERVICES, type ShortName, variableOf } from '../services.ts';

export type Config = ReturnType<typeof readConfig>;

/**
 * The environment of each service of `npm start`. A service whose port is not set uses its default.
 * @throws {StartError} if a port is invalid.
 */
export function readConfig(env: NodeJS.ProcessEnv) {
  // PORT would give all services the same port. The file that DOTENV_PATH names has already been read.
  const { PORT: _, ...rest } = env.DOTENV_PATH ? { ...env, DOTENV_PATH: devNull } : env;
  const withPort = (name: string): NodeJS.ProcessEnv => {
    const port = env[name] === undefined ? {} : { PORT: String(integer(env, name, 0, 65_535)) };
    return { LOG_FORMAT: 'pretty', ...rest, ...port };
  };
  const variables = SERVICES.map(({ name }) => [name, withPort(variableOf(name, 'PORT'))]);
  return Object.fromEntries(variables) as Record<ShortName, NodeJS.ProcessEnv>;
}

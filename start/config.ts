import { devNull } from 'node:os';
import { integer } from '../chassis/src/config.ts';
import { SERVICES, type ShortName, variableOf } from '../services.ts';

export type Config = ReturnType<typeof readConfig>;

/** What each service of `npm start` finds set; a port that is not is its own default. Throws StartError. */
export function readConfig(env: NodeJS.ProcessEnv) {
  // One PORT for several services would be in use twice. What DOTENV_PATH names has been read by now.
  const { PORT: _, ...rest } = env.DOTENV_PATH ? { ...env, DOTENV_PATH: devNull } : env;
  const withPort = (name: string): NodeJS.ProcessEnv => {
    const port = env[name] === undefined ? {} : { PORT: String(integer(env, name, 0, 65_535)) };
    return { LOG_FORMAT: 'pretty', ...rest, ...port };
  };
  const variables = SERVICES.map(({ name }) => [name, withPort(variableOf(name, 'PORT'))]);
  return Object.fromEntries(variables) as Record<ShortName, NodeJS.ProcessEnv>;
}

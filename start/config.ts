import { devNull } from 'node:os';
import { integer } from '../chassis/src/config.ts';

export type Config = ReturnType<typeof readConfig>;

/** What each service of `npm start` finds set; a port that is not is its own default. Throws StartError. */
export function readConfig(env: NodeJS.ProcessEnv) {
  // One PORT for three services would be in use twice. What DOTENV_PATH names has been read by now.
  const { PORT: _, ...rest } = env.DOTENV_PATH ? { ...env, DOTENV_PATH: devNull } : env;
  const withPort = (name: string): NodeJS.ProcessEnv => {
    const port = env[name] === undefined ? {} : { PORT: String(integer(env, name, 0, 65_535)) };
    return { LOG_FORMAT: 'pretty', ...rest, ...port };
  };
  return {
    order: withPort('ORDER_PORT'),
    inventory: withPort('INVENTORY_PORT'),
    payment: withPort('PAYMENT_PORT'),
  };
}

import { integer } from '../chassis/src/config.ts';

export type Config = ReturnType<typeof readConfig>;

/** Which port each service of `npm start` takes, and what all of them find set. Throws StartError. */
export function readConfig(env: NodeJS.ProcessEnv) {
  const port = (name: string, fallback: number) => integer(env, name, fallback, 65_535);
  return {
    orderPort: port('ORDER_PORT', 8080),
    inventoryPort: port('INVENTORY_PORT', 8081),
    paymentPort: port('PAYMENT_PORT', 8082),
    env: { LOG_FORMAT: 'pretty', ...env },
  };
}

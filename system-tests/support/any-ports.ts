import { SERVICES, variableOf } from '../../services.ts';

/** Variables with which `npm start` gives each service a free port. */
export const ANY_PORTS: Record<string, string> = Object.fromEntries(
  SERVICES.map(({ name }) => [variableOf(name, 'PORT'), '0']),
);

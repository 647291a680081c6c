import { SERVICES, variableOf } from '../../services.ts';

/** The environment of `npm start` in which each service takes any free port. */
export const ANY_PORTS: Record<string, string> = Object.fromEntries(
  SERVICES.map(({ name }) => [variableOf(name, 'PORT'), '0']),
);

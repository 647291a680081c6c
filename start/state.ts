import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'dotenv';
import { ROOT } from '../processes/repository.ts';
import type { Config } from './config.ts';

/**
 * Describes where the services keep their state, in one line, or one line per service if they differ. Of
 * DATABASE_URL it shows user, host, port and database, but neither the password nor the query.
 */
export function stateLines(config: Config): string[] {
  const states = Object.entries(config).map(([name, env]) => {
    const service = `${name}-service`;
    return { service, state: stateOf({ ...ownFile(service, env), ...env }) };
  });
  const [first, ...others] = states.map(({ state }) => state);
  if (others.every((state) => state === first)) return [`State ${first}`];
  return states.map(({ service, state }) => `State of ${service} ${state}`);
}

/** The variables of a service's `.env` file. If it cannot be read, the service itself reports that. */
function ownFile(service: string, { DOTENV_PATH }: NodeJS.ProcessEnv): Record<string, string> {
  try {
    return parse(readFileSync(DOTENV_PATH || join(ROOT, service, '.env')));
  } catch {
    return {};
  }
}

function stateOf(env: NodeJS.ProcessEnv): string {
  if (!env.DATABASE_URL) return 'in memory: it ends with the processes';
  const schema = env.DATABASE_SCHEMA || 'orders';
  const state = `in PostgreSQL: ${address(env)}, schema ${schema}`;
  return state.replace(/[^\x20-\x7e]/gu, encodeURIComponent);
}

/** The address as pg reads it: parts that the URL leaves out come from PGUSER and similar variables. */
function address({ DATABASE_URL = '', ...env }: NodeJS.ProcessEnv): string {
  if (!URL.canParse(DATABASE_URL)) return 'DATABASE_URL';
  const url = new URL(DATABASE_URL);
  const { hostname, pathname, search, hash, searchParams: query } = url;
  // The text before this @ may belong to a password that contains / or ?.
  if (`${pathname}${search}${hash}`.includes('@')) return 'DATABASE_URL';
  const user = query.get('user') || url.username || env.PGUSER || env.USER || '';
  const host = query.get('host') || hostname || env.PGHOST || 'localhost';
  const port = query.get('port') || url.port || env.PGPORT || '5432';
  return `${user}@${host}:${port}/${pathname.slice(1) || env.PGDATABASE || user}`;
}

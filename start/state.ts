import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'dotenv';
import { ROOT } from '../processes/repository.ts';
import type { Config } from './config.ts';

/**
 * Where the services of `config` keep their state: one line, or one for each service where they
 * differ. Of DATABASE_URL it has user, host, port and database; no password, and nothing of its query.
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

/** What a service reads beside its environment. Where it cannot be read, the service says so. */
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

/** As pg understands it, which takes what the URL leaves out from PGUSER and its like. */
function address({ DATABASE_URL = '', ...env }: NodeJS.ProcessEnv): string {
  if (!URL.canParse(DATABASE_URL)) return 'DATABASE_URL';
  const url = new URL(DATABASE_URL);
  const { hostname, pathname, search, hash, searchParams: query } = url;
  // Then what stands before it may be a part of a password that has a / or a ? in it.
  if (`${pathname}${search}${hash}`.includes('@')) return 'DATABASE_URL';
  const user = query.get('user') || url.username || env.PGUSER || env.USER || '';
  const host = query.get('host') || hostname || env.PGHOST || 'localhost';
  const port = query.get('port') || url.port || env.PGPORT || '5432';
  return `${user}@${host}:${port}/${pathname.slice(1) || env.PGDATABASE || user}`;
}

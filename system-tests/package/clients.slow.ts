import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect } from 'vitest';
import { output, startCommand } from '../../harness/command.ts';
import { mariadbVersion, startMariadb } from '../../harness/mariadb.ts';
import { postgresVersion, startPostgres } from '../../harness/postgres.ts';
import { redisVersion, startRedis } from '../../harness/redis.ts';
import { ROOT } from '../../processes/repository.ts';
import { scene } from '../support/scene.ts';
import { brokenRows, clientsPage, type Group, type Lock } from './clients-page.ts';
import { installPacked } from './packed.ts';

// Writes the page with -u: npx vitest run --project slow system-tests/package/clients.slow.ts -u
const PAGE = join(ROOT, 'request-scope/CLIENTS.md');
const CLIENTS = join(ROOT, 'request-scope/clients');
const LIMIT_MS = 180_000;

const servers = { PostgreSQL: postgresVersion, MariaDB: mariadbVersion, Redis: redisVersion };
const missing = Object.entries(servers).filter(([, version]) => version === undefined);

let failure = missing.map(([name]) => `${name} is not installed`).join(', ');
let folder: string;
let lock: Lock;
let env: Record<string, string>;
const opened: AsyncDisposable[] = [];

async function opening<Opened extends AsyncDisposable>(it: Promise<Opened>): Promise<Opened> {
  const ready = await it;
  opened.unshift(ready);
  return ready;
}

beforeAll(async () => {
  if (failure) return;
  const packed = await opening(installPacked());
  folder = join(packed.folder, 'clients');
  await cp(CLIENTS, folder, { recursive: true });
  const install = ['npm', 'ci', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund'];
  const error = await output(install, { cwd: folder }).catch((reason: Error) => reason);
  if (error instanceof Error) {
    failure = `npm cannot install the clients: ${error.message}`;
    return;
  }
  const pool = await opening(installPacked('request-scope-pg'));
  await cp(pool.installed, join(folder, 'node_modules/request-scope-pg'), { recursive: true });
  lock = JSON.parse(await readFile(join(folder, 'package-lock.json'), 'utf8'));
  // By default PostgreSQL does not look whether the client of a statement is still there.
  const postgres = await opening(startPostgres({ client_connection_check_interval: '0' }));
  const mariadb = await opening(startMariadb());
  const redis = await opening(startRedis());
  env = { POSTGRES_URL: postgres.url, MYSQL_URL: mariadb.url, REDIS_URL: redis.url };
}, LIMIT_MS);
afterAll(async () => {
  for (const it of opened) await it[Symbol.asyncDispose]();
});
beforeEach(({ skip }) => skip(failure !== '', failure));

describe.each(['20', '26'])('Node %s', (version) => {
  const promised = 'each call ends as CLIENTS.md says, and nothing is left that keeps Node running';
  scene(
    `Node ${version}, each client under withTimeout`,
    promised,
    async ({ skip }) => {
      const npx = ['npx', '-y', `node@${version}`, '-p', 'process.execPath'];
      const node = await output(npx).catch(() => skip(`npm cannot install node@${version}`));
      const file = `seen-on-${version}.json`;
      const { closed, output: printed } = startCommand(node, ['run.js', file], env, folder);
      expect(await closed, printed()).toBe(0);
      const groups: Group[] = JSON.parse(await readFile(join(folder, file), 'utf8'));
      expect(brokenRows(groups)).toEqual([]);
      await expect(clientsPage(groups, lock)).toMatchFileSnapshot(PAGE);
      return `${groups.flatMap(({ rows }) => rows).length} uses of clients`;
    },
    { timeout: LIMIT_MS },
  );
});

// Tries every client: node run.js <file>. Writes what was seen to the file, as JSON.
import { writeFile } from 'node:fs/promises';
import { startFarEnds } from './far-ends.js';
import { helpers } from './helpers.js';
import { httpClients } from './http-clients.js';
import { mysqlClients } from './mysql-clients.js';
import { nodeApis } from './node-apis.js';
import { postgresClients } from './postgres-clients.js';
import { redisClients } from './redis-clients.js';
import { sdks } from './sdks.js';
import { tryClient } from './try-client.js';

const { POSTGRES_URL: postgresUrl, MYSQL_URL: mysqlUrl, REDIS_URL: redisUrl } = process.env;
const urls = { postgresUrl, mysqlUrl, redisUrl };
const farEnds = await startFarEnds(urls);
const groups = [];
for (const open of [
  httpClients,
  sdks,
  postgresClients,
  mysqlClients,
  redisClients,
  nodeApis,
  helpers,
]) {
  const group = await open({ ...urls, ports: farEnds.ports });
  const rows = [];
  for (const client of group.clients) {
    const { package: packageName, name, detail, note, goesOn, call } = client;
    const seen = await tryClient(client, farEnds).catch((error) => ({ error: error.stack }));
    rows.push({ package: packageName, name, detail, note, goesOn, code: String(call), seen });
  }
  await group.close();
  groups.push({ title: group.title, rows });
}
await farEnds.close();
await writeFile(process.argv[2], JSON.stringify(groups));
// What a failed try has left open would hide its error: the process would not end.
if (groups.some(({ rows }) => rows.some(({ seen }) => seen.error))) process.exit();

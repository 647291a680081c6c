import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startCommand } from '../../harness/command.ts';

/** A stub of Docker: records its calls, and knows the secrets, volumes and services of three stacks. */
const DOCKER = `#!/usr/bin/env bash
printf '%s\\n' "$*" >>"$CALLS"
case "$*" in
  "node inspect "*) echo a-node ;;
  "secret inspect orders-database-password") ;;
  "secret inspect "*) exit 1 ;;
  "secret ls "*) echo own-secret && echo secret-of-another ;;
  "volume ls "*"label=com.docker.stack.namespace=orders") echo orders_postgres ;;
  "volume ls "*"label=com.docker.stack.namespace=orders-2") echo orders-2_postgres_old ;;
  "service ls "*"{{.Name}}"*) name=\${4#name=} && echo "$name-old 0/3" && echo "$name 3/3 (max 3 per node)" ;;
  "service ls "*) echo 0/3 && echo 3/3 ;;
esac
`;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'deploy-'));
  await writeFile(join(folder, 'docker'), DOCKER);
  await chmod(join(folder, 'docker'), 0o755);
});
afterAll(() => rm(folder, { recursive: true }));

async function deploy(script: 'up' | 'down', STACK: string, ...args: string[]) {
  const CALLS = join(folder, 'calls');
  await writeFile(CALLS, '');
  const PATH = [folder, process.env.PATH].join(delimiter);
  const env = { PATH, CALLS, STACK, TAG: 'a-tag', DEPLOY_TIMEOUT_S: '30' };
  const { closed, output } = startCommand(`deploy/${script}`, args, env);
  const code = await closed;
  return { code, output: output(), calls: (await readFile(CALLS, 'utf8')).split('\n') };
}

const removing = (calls: string[]) => calls.filter((call) => / rm /.test(call));

describe.skipIf(process.platform === 'win32')('with a stub of Docker', () => {
  test('deploy/down removes the secret and volume of its stack, and of no stack with a longer name', async () => {
    const { code, calls } = await deploy('down', 'orders');
    expect(code).toBe(0);
    expect(removing(calls)).toEqual([
      'stack rm orders',
      'secret rm orders-database-password',
      'volume rm orders_postgres',
    ]);
    const other = await deploy('down', 'orders-2');
    expect(removing(other.calls)).toEqual(['stack rm orders-2']);
    expect(other.output).toMatch(/^no volume orders-2_postgres here/);
  });

  test('deploy/up waits for the services of its stack, and of no stack with a longer name', async () => {
    const { code, output } = await deploy('up', 'orders');
    const services = ['inventory-service', 'order-service', 'payment-service'];
    const lines = services.map((name) => `orders_${name}: 3/3 replicas run a-tag\n`);
    expect(output).toBe(lines.join(''));
    expect(code).toBe(0);
  });

  test.each(['up', 'down'] as const)(
    'deploy/%s prints --help, and refuses an unknown option before it does anything',
    async (script) => {
      const help = await deploy(script, 'orders', '--help');
      expect(help).toMatchObject({ code: 0, calls: [''] });
      expect(help.output).toContain(`deploy/${script}`);
      const wrong = await deploy(script, 'orders', '--frob');
      expect(wrong).toMatchObject({ code: 1, calls: [''] });
      expect(wrong.output).toBe(`deploy/${script}: --frob is no option, --help shows them\n`);
    },
  );
});

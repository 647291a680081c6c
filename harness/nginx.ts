import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { tether } from './tether.ts';

/** Forwards requests on `port` to the URL `upstream`. */
export interface Proxy {
  port: number;
  upstream: string;
  directives?: string;
}

/** Debian installs nginx in a folder that is not in every PATH. */
const env = { PATH: `${process.env.PATH}:/usr/sbin` };

const { stderr: version } = spawnSync('nginx', ['-v'], { env, encoding: 'utf8' });

/** The version of nginx; undefined if it is not installed. */
export const nginxVersion = /nginx\/\S+/.exec(version ?? '')?.[0];

/** Runs nginx with its defaults, except for its addresses and a temporary folder. */
export async function startNginx(proxies: Proxy[]): Promise<AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), 'nginx-'));
  await writeFile(join(folder, 'nginx.conf'), configuration(proxies));
  const args = ['-p', folder, '-c', 'nginx.conf', '-e', 'stderr'];
  const nginx = tether(spawn('nginx', args, { env, stdio: ['ignore', 'ignore', 'pipe'] }));
  const exited = once(nginx, 'exit');
  let log = '';
  let isListening = false;
  for await (const line of createInterface({ input: nginx.stderr })) {
    log += `${line}\n`;
    // The first line after its ports are open.
    isListening = line.includes('event method');
    if (isListening) break;
  }
  if (!isListening) throw new Error(`nginx ended: ${log}`);
  nginx.stderr.resume();
  return {
    async [Symbol.asyncDispose]() {
      nginx.kill('SIGKILL');
      await exited;
      await rm(folder, { recursive: true });
    },
  };
}

function configuration(proxies: Proxy[]): string {
  const servers = proxies.map(
    ({ port, upstream, directives = '' }) => `
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass ${upstream};
      ${directives}
    }
  }`,
  );
  return `
daemon off;
master_process off;
error_log stderr notice;
pid nginx.pid;
events {}
http {
  access_log off;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
${servers.join('\n')}
}
`;
}

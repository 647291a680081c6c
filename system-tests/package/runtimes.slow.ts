import { once } from 'node:events';
import { copyFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect } from 'vitest';
import { scene } from '../support/scene.ts';
import { installPacked, type Packed } from './packed.ts';
import { BUN, commandOn, DENO } from './runtimes.ts';
import { type RunningExample, startExample } from './served-examples.ts';

const SERVER = 'fetch-server.js';
const LEFT = 'client disconnected';
const UNREAD = 'x'.repeat(1_000_000);

let packed: Packed;

beforeAll(async () => {
  packed = await installPacked();
  await copyFile(join(import.meta.dirname, SERVER), join(packed.folder, SERVER));
});
afterAll(() => packed[Symbol.asyncDispose]());

describe.each([
  { runtime: BUN, behindUnreadBody: LEFT },
  { runtime: DENO, behindUnreadBody: 'deadline exceeded' },
])('$runtime.name', ({ runtime, behindUnreadBody }) => {
  const { name } = runtime;
  let command: string[] | undefined;
  let server: RunningExample;

  beforeAll(async () => {
    command = await commandOn(runtime, SERVER);
  });
  beforeEach(async ({ skip }) => {
    if (!command) return skip(`npm cannot install ${name}`);
    server = await startExample(command, packed.folder);
  });
  afterEach(() => server?.child.kill('SIGKILL'));

  scene(`${name}: a client that was answered leaves`, 'nothing aborts', async () => {
    for (let times = 0; times < 3; times += 1) {
      const answer = await fetch(`${server.url}/short`, { headers: { connection: 'close' } });
      expect(await answer.text()).toBe('the report');
    }
    server.child.kill('SIGTERM');
    await server.closed;
    await expect(server.logged('aborted')).rejects.toThrow('ended without');
    return 'nothing';
  });

  scene(`${name}: the reader of a stream leaves`, 'its scope aborts', async () => {
    const { body } = await fetch(`${server.url}/endless`);
    const reader = body?.getReader();
    await reader?.read();
    await reader?.cancel();
    await server.logged(`/endless aborted: ${LEFT}`);
    return LEFT;
  });

  scene(`${name}: a client leaves, whose body nobody reads`, 'its scope aborts', async () => {
    const client = connect(Number(new URL(server.url).port), '127.0.0.1');
    await once(client, 'connect');
    client.write(
      `POST /long HTTP/1.1\r\nHost: a\r\nContent-Length: ${UNREAD.length}\r\n` +
        `x-envoy-expected-rq-timeout-ms: 500\r\n\r\n${UNREAD}`,
    );
    await server.logged('/long begun');
    client.destroy();
    await server.logged(`/long aborted: ${behindUnreadBody}`);
    return behindUnreadBody;
  });

  scene(`${name}: SIGTERM, with requests that take too long`, 'they are aborted', async () => {
    const long = fetch(`${server.url}/long`);
    const deaf = fetch(`${server.url}/deaf`).catch(() => 'cut off');
    await server.logged('begun');
    await server.logged('begun');
    server.child.kill('SIGTERM');
    expect((await long).status).toBe(503);
    expect(await deaf).toBe('cut off');
    expect(await server.closed).toBe(0);
    return '503, and the process ends';
  });
});

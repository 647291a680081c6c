import { afterAll, beforeEach, describe, expect } from 'vitest';
import { curl, send } from '../../harness/clients.ts';
import { output } from '../../harness/command.ts';
import { COMPOSE_V1, COMPOSE_V2, ComposeStack, PORTS } from '../../harness/compose-stack.ts';
import { since } from '../../harness/time.ts';
import { SERVICE_NAMES } from '../../services.ts';
import { scene } from '../support/scene.ts';

const BASE_IMAGE = 'node:26-slim';
const MAX_ADDED_BYTES = 40_000_000;

describe.each([COMPOSE_V2, COMPOSE_V1])('$command', (compose) => {
  const stack = new ComposeStack(compose);
  const name = compose.command.join(' ');
  const installed = output([...compose.command, 'version']).then(
    () => true,
    () => false,
  );
  beforeEach(async ({ skip }) => skip(!(await installed), `${name} is not installed`));
  afterAll(async () => {
    if (await installed) await stack.down();
  });

  scene(`${name} build`, 'less than 40 MB over the base image', async () => {
    const startedAt = performance.now();
    await stack.compose(['build']);
    const took = since(startedAt);
    await stack.compose(['up', '--no-start']);
    const base = await imageBytes(BASE_IMAGE);
    const added: number[] = [];
    for (const service of SERVICE_NAMES) {
      added.push((await imageBytes(await stack.inspect(service, '{{.Image}}'))) - base);
    }
    expect(Math.max(...added)).toBeLessThan(MAX_ADDED_BYTES);
    return `${added.map((bytes) => (bytes / 1e6).toFixed(1)).join(', ')} MB, built in ${took}`;
  });

  scene(`${name} up`, 'all three healthy', async () => {
    const startedAt = performance.now();
    await stack.up({ LOG_FORMAT: 'pretty' });
    return `healthy after ${since(startedAt)}`;
  });

  scene('docker inspect', 'non-root, read-only, no capabilities, limited', async () => {
    for (const service of SERVICE_NAMES) {
      const config = '{{.Config.User}} {{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}}';
      expect(await stack.inspect(service, config)).toBe('node true [ALL]');
      const limits = '{{.HostConfig.SecurityOpt}} {{.HostConfig.Memory}} {{.HostConfig.PidsLimit}}';
      expect(await stack.inspect(service, limits)).toBe('[no-new-privileges:true] 1073741824 128');
      const status = await stack.exec(service, 'cat', '/proc/1/status');
      expect(status).toMatch(/^Uid:\t1000\t1000\t1000\t1000$/m);
      expect(status).toMatch(/^CapBnd:\t0+$/m);
      expect(status).toMatch(/^NoNewPrivs:\t1$/m);
      await expect(stack.exec(service, 'touch', 'written')).rejects.toThrow(
        'Read-only file system',
      );
      const published = await output(['docker', 'port', await stack.container(service)]);
      expect(published).toBe(`${PORTS[service]}/tcp -> 127.0.0.1:${PORTS[service]}`);
    }
    return 'uid 1000, no capability, nothing can be written, 127.0.0.1 only';
  });

  scene('curl localhost:8080/order', 'succeeds after 5 s', async () => {
    const startedAt = performance.now();
    const { body, code } = await curl('localhost:8080/order').ended;
    expect({ body, code }).toEqual({ body: 'Order successfully processed\n', code: 0 });
    return `"${body.trim()}" after ${since(startedAt)}`;
  });

  scene(`${name} logs`, 'one plain line per event', async () => {
    const lines: string[] = [];
    for (const service of SERVICE_NAMES) lines.push(...(await stack.lines(service)));
    for (const line of lines) {
      expect(line).toMatch(/^\d\d:\d\d:\d\d\.\d{3} [ \d.ms]{7} [ ✓] [\w :/.-]{1,77}$/);
      expect(line).not.toContain('\u001b');
    }
    return `${lines.length} lines, no colour codes`;
  });

  scene(`${name} stop, an order in flight`, 'it succeeds, every exit code is 0', async () => {
    await stack.up(); // logs JSON, which has the complete request id
    const { requestId, answer } = send('http://127.0.0.1:8080/order');
    await stack.waitForLine('order-service', 'Placing order', requestId);
    const startedAt = performance.now();
    await stack.compose(['stop']);
    const took = since(startedAt);
    const { status, body } = await answer;
    expect({ status, body }).toEqual({ status: 200, body: 'Order successfully processed' });
    expect(await stack.exitCodes()).toEqual([0, 0, 0]);
    return `200, exit codes 0, stopped in ${took}`;
  });
});

async function imageBytes(image: string): Promise<number> {
  const inspect = ['docker', 'image', 'inspect', '--format', '{{.Size}}', image];
  // BuildKit does not list its base image.
  await output(inspect).catch(() => output(['docker', 'pull', image]));
  return Number(await output(inspect));
}

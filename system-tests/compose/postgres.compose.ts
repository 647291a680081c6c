import { afterAll, beforeEach, describe, expect } from 'vitest';
import { paymentsOf, send } from '../../harness/clients.ts';
import { output } from '../../harness/command.ts';
import {
  COMPOSE_V1,
  COMPOSE_V2,
  ComposeStack,
  PORTS,
  WITH_POSTGRES,
} from '../../harness/compose-stack.ts';
import { since, until } from '../../harness/time.ts';
import type { ServiceName } from '../../services.ts';
import { SERVICE_NAMES } from '../../services.ts';
import { scene } from '../support/scene.ts';
import { checksIn } from './checks-in-database.ts';

const IMAGE = 'postgres:17';
const ORDER_URL = 'http://127.0.0.1:8080';
const PAYMENT_URL = 'http://127.0.0.1:8082';
const quick = { CHECK_DURATION_MS: '200', PAYMENT_DURATION_MS: '300' };

/** Shorter than order-service's timeout: a check that cannot finish in time would not start. */
const endless = { ...quick, CHECK_DURATION_MS: '3600000', CALL_TIMEOUT_MS: '4000000' };

/** Why PostgreSQL's image is missing; undefined if it is there. */
const missing = output(['docker', 'image', 'inspect', IMAGE])
  .catch(() => output(['docker', 'pull', IMAGE]))
  .then(
    () => undefined,
    () => `the image ${IMAGE} cannot be had`,
  );

describe.each([COMPOSE_V2, COMPOSE_V1])('$command', (compose) => {
  const stack = new ComposeStack(compose, WITH_POSTGRES);
  const name = compose.command.join(' ');
  const unusable = output([...compose.command, 'version']).then(
    () => missing,
    () => `${name} is not installed`,
  );
  beforeEach(async ({ skip }) => {
    const reason = await unusable;
    skip(reason !== undefined, reason);
  });
  afterAll(async () => {
    if (!(await unusable)) await stack.down();
  });

  const health = (service: ServiceName, wanted: number) =>
    until(`${wanted} from ${service}`, async () => {
      const { status, body } = await send(`http://127.0.0.1:${PORTS[service]}/health`).answer;
      return status === wanted ? body : undefined;
    });

  const { begins, ends } = checksIn(stack);

  scene(
    `${name} with compose.postgres.yml`,
    'PostgreSQL starts first, on no port of the host',
    async () => {
      await stack.compose(['build']);
      const startedAt = performance.now();
      await stack.up(quick);
      const took = since(startedAt);
      const { answer } = send(`${ORDER_URL}/order?orderID=kept`);
      expect(await answer).toMatchObject({ status: 200, body: 'Order successfully processed' });
      const config = '{{.Config.User}} {{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}}';
      expect(await stack.inspect('postgres', config)).toBe('postgres true [ALL]');
      expect(await output(['docker', 'port', await stack.container('postgres')])).toBe('');
      for (const service of SERVICE_NAMES) {
        expect(await stack.lines(service, 'Database available')).toHaveLength(1);
        expect(await stack.lines(service, 'Database unavailable')).toEqual([]);
      }
      return `all healthy after ${took}, an order is processed`;
    },
  );

  scene('PostgreSQL is stopped and started', 'orders fail with 503, then succeed', async () => {
    await stack.stop('postgres');
    for (const service of SERVICE_NAMES) {
      expect(await health(service, 503)).toContain('{"status":"database unavailable"');
    }
    const { status, body } = await send(`${ORDER_URL}/order`).answer;
    expect({ status, body }).toEqual({
      status: 503,
      body: expect.stringMatching(/^Order record failed: database is unreachable \([\w-]+\)$/),
    });
    await stack.start('postgres');
    for (const service of SERVICE_NAMES) await health(service, 200);
    expect((await send(`${ORDER_URL}/order`).answer).status).toBe(200);
    return `503 and ${body}; then 200`;
  });

  scene(`${name} down, then up`, 'the ledger is still there', async () => {
    await stack.compose(['down']);
    await stack.up(quick);
    expect(await paymentsOf('kept', PAYMENT_URL)).toEqual(['processed']);
    return 'the payment is processed';
  });

  scene('a client hangs up during the check', 'the query stops in the database', async () => {
    await stack.up(endless);
    const { requestId, hangUp } = send(`${ORDER_URL}/order`);
    await begins();
    hangUp();
    const line = await stack.waitForLine('inventory-service', 'check canceled', requestId);
    expect(line).toContain('"cause":"client-disconnected"');
    await ends();
    return 'canceled, and nothing at work';
  });

  scene(
    'inventory-service is killed during a check',
    'PostgreSQL ends the query itself',
    async () => {
      send(`${ORDER_URL}/order`);
      await begins();
      const killedAt = performance.now();
      await stack.kill('inventory-service');
      await ends();
      return `ended ${since(killedAt)} later`;
    },
  );
});

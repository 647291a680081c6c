import { afterAll, beforeAll, beforeEach } from 'vitest';
import { type Pending, send } from '../../harness/clients.ts';
import { reservePorts } from '../../harness/network.ts';
import { nginxVersion, startNginx } from '../../harness/nginx.ts';
import { ServiceProcess } from '../../harness/service-process.ts';
import { scene } from '../support/scene.ts';

const nginx = nginxVersion ?? 'nginx';
const IGNORING = 'proxy_ignore_client_abort on;';
const BUDGET_MS = 1_500;
const headers = { 'x-envoy-expected-rq-timeout-ms': String(BUDGET_MS) };

const parts: AsyncDisposable[] = [];
let inventory: ServiceProcess;
let order: ServiceProcess;
let behindProxy: ServiceProcess;
let behindIgnoring: ServiceProcess;
let frontUrl: string;
let ignoringFrontUrl: string;

async function start(name: 'order-service' | 'inventory-service', env: Record<string, string>) {
  const service = await ServiceProcess.start(name, env);
  parts.unshift(service);
  return service;
}

beforeAll(async () => {
  if (!nginxVersion) return;
  const { ports, release } = await reservePorts(4);
  const [front = 0, ignoringFront = 0, middle = 0, ignoringMiddle = 0] = ports;
  const url = (port: number) => `http://127.0.0.1:${port}`;
  [frontUrl, ignoringFrontUrl] = [url(front), url(ignoringFront)];
  inventory = await start('inventory-service', { CHECK_DURATION_MS: '60000' });
  order = await start('order-service', { INVENTORY_URL: inventory.url });
  behindProxy = await start('order-service', { INVENTORY_URL: url(middle) });
  behindIgnoring = await start('order-service', { INVENTORY_URL: url(ignoringMiddle) });
  await release();
  parts.unshift(
    await startNginx([
      { port: front, upstream: order.url },
      { port: ignoringFront, upstream: order.url, directives: IGNORING },
      { port: middle, upstream: inventory.url },
      { port: ignoringMiddle, upstream: inventory.url, directives: IGNORING },
    ]),
  );
});
afterAll(async () => {
  for (const part of parts) await part[Symbol.asyncDispose]();
});

beforeEach(({ skip }) => skip(!nginxVersion, 'nginx is not installed'));

scene(
  `a client hangs up, ${nginx} before order-service`,
  'nginx forwards the hang-up',
  async () => {
    const { requestId } = await hangUpDuringCheck(send(`${frontUrl}/order`));
    await order.waitFor({ requestId, msg: 'Order canceled: client disconnected' });
    const { elapsedMs } = await inventory.waitFor({ requestId, cause: 'client-disconnected' });
    return `the check stopped after ${elapsedMs} ms`;
  },
);

scene(
  `a client hangs up, ${nginx} before order-service`,
  'with proxy_ignore_client_abort nginx does not forward it, and the budget stops the work',
  async () => {
    const pending = send(`${ignoringFrontUrl}/order`, { headers });
    const { requestId } = await hangUpDuringCheck(pending);
    await order.waitFor({ requestId, msg: 'Inventory check failed: deadline exceeded' });
    const msg = 'Inventory check canceled for product: 1234';
    const { elapsedMs } = await inventory.waitFor({ requestId, msg });
    return `the check stopped after ${elapsedMs} of ${BUDGET_MS} ms`;
  },
);

scene(
  `a client hangs up, ${nginx} before inventory-service`,
  'nginx forwards the hang-up',
  async () => {
    const { requestId } = await hangUpDuringCheck(send(`${behindProxy.url}/order`));
    await behindProxy.waitFor({ requestId, msg: 'Order canceled: client disconnected' });
    const { elapsedMs } = await inventory.waitFor({ requestId, cause: 'client-disconnected' });
    return `the check stopped after ${elapsedMs} ms`;
  },
);

scene(
  `a client hangs up, ${nginx} before inventory-service`,
  'with proxy_ignore_client_abort nginx does not forward it, and the budget stops the work',
  async () => {
    const pending = send(`${behindIgnoring.url}/order`, { headers });
    const { requestId } = await hangUpDuringCheck(pending);
    await behindIgnoring.waitFor({ requestId, msg: 'Order canceled: client disconnected' });
    const { elapsedMs } = await inventory.waitFor({ requestId, cause: 'deadline-exceeded' });
    return `the check stopped after ${elapsedMs} of ${BUDGET_MS} ms`;
  },
);

async function hangUpDuringCheck(pending: Pending): Promise<Pending> {
  await inventory.arrival(pending.requestId);
  pending.hangUp();
  return pending;
}

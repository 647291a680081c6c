import { afterAll, expect } from 'vitest';
import { send } from '../../harness/clients.ts';
import { ComposeStack } from '../../harness/compose-stack.ts';
import { since, until } from '../../harness/time.ts';
import { scene } from '../support/scene.ts';

const ENDLESS_MS = '60000';

/** Process 1 is the init, which stays; the service is its child. */
const KILL_SERVICE = `
  const { readdirSync, readFileSync } = require('node:fs');
  const pids = readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name) && name !== '1');
  const commandOf = (pid) => readFileSync('/proc/' + pid + '/cmdline', 'utf8');
  const service = pids.find((pid) => commandOf(pid).startsWith('node\\0src/'));
  process.kill(Number(service), 'SIGKILL');
`;

const stack = new ComposeStack();
afterAll(() => stack.down());

scene('docker compose stop, nothing in flight', 'every exit code is 0', async () => {
  await stack.up();
  const startedAt = performance.now();
  await stack.compose(['stop']);
  expect(await stack.exitCodes()).toEqual([0, 0, 0]);
  return `exit codes 0, stopped in ${since(startedAt)}`;
});

scene('docker compose stop, an endless order', '503 before the engine sends SIGKILL', async () => {
  await stack.up({ PAYMENT_DURATION_MS: ENDLESS_MS, CALL_TIMEOUT_MS: ENDLESS_MS });
  const { requestId, answer } = send('http://127.0.0.1:8080/order');
  await stack.waitForLine('inventory-service', 'Inventory check completed', requestId);
  const startedAt = performance.now();
  await stack.compose(['stop']);
  const took = since(startedAt);
  const { status, headers, body } = await answer;
  expect({ status, body }).toEqual({
    status: 503,
    body: 'Order canceled: service shutting down',
  });
  expect(headers['retry-after']).toBe('1');
  const hungUp = '"cause":"client-disconnected"';
  await stack.waitForLine('payment-service', 'Payment processing canceled', requestId, hungUp);
  expect(await stack.exitCodes()).toEqual([0, 0, 0]);
  return `503, exit codes 0, stopped in ${took}`;
});

scene('kill -9 of the node process in a container', 'the engine starts it again', async () => {
  await stack.up();
  const before = await stack.inspect('payment-service', '{{.State.StartedAt}}');
  // The container may end before the command does.
  await stack.exec('payment-service', 'node', '--eval', KILL_SERVICE).catch(() => {});
  await until('a new start', async () => {
    const started = await stack.inspect('payment-service', '{{.State.StartedAt}}');
    return started !== before || undefined;
  });
  await stack.healthy('payment-service');
  return `restarts: ${await stack.inspect('payment-service', '{{.RestartCount}}')}`;
});

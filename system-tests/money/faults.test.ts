import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { send } from '../../harness/clients.ts';
import * as faults from '../../harness/faulty-server.ts';
import { type FaultyServer, startFaulty, startRefusing } from '../../harness/faulty-server.ts';
import { peakMemoryBytes } from '../../harness/process-table.ts';
import { ServiceProcess } from '../../harness/service-process.ts';

const DEADLINE = /^deadline exceeded$/;
const UNREACHABLE = /^\S+-service is unreachable \(ECONNRESET\)$/;
const BROKEN = /^\S+-service sent a broken answer$/;

const FAULTS: [what: string, fault: faults.Fault, cause: RegExp][] = [
  ['resets the connection', faults.reset, UNREACHABLE],
  ['closes the connection without an answer', faults.closeWithoutAnswer, UNREACHABLE],
  ['closes the connection in the middle of the answer', faults.halfAnswerThenClose, BROKEN],
  ['resets the connection in the middle of the answer', faults.halfAnswerThenReset, BROKEN],
  ['never answers', faults.neverAnswer, DEADLINE],
  ['stalls after the headers', faults.stallAfterHeaders, DEADLINE],
  ['sends its body byte by byte', faults.drip, DEADLINE],
  ['sends its headers byte by byte', faults.dripHeaders, DEADLINE],
  ['answers in another protocol', faults.answerInAnotherProtocol, BROKEN],
  ['answers 200 with another body', faults.answerWrongBody, BROKEN],
  ['redirects forever', faults.redirect, /^\S+-service answered 302$/],
  ['sends an endless body', faults.floodBody, BROKEN],
  ['sends endless headers', faults.floodHeaders, BROKEN],
  ['sends endless early hints', faults.floodHints, DEADLINE],
  ['answers 404', faults.answerStatus(404), /^\S+-service answered 404$/],
  ['answers 408 long before the deadline', faults.answerStatus(408), /^\S+-service answered 408$/],
  ['answers 500', faults.answerStatus(500), /^\S+-service answered 500$/],
];

/** The long one for calls that fail by themselves, the short one for those that only the deadline ends. */
const LONG_TIMEOUT_MS = '60000';
const SHORT_TIMEOUT_MS = '150';
const MEMORY_SLACK_BYTES = 96 * 2 ** 20;

let inventory: ServiceProcess;
beforeAll(async () => {
  inventory = await ServiceProcess.start('inventory-service', { CHECK_DURATION_MS: '0' });
});
afterAll(() => inventory[Symbol.asyncDispose]());

describe.each([
  ['inventory', 'Inventory check failed'],
  ['payment', 'Payment processing failed'],
])('with its %s-service at fault', (role, failure) => {
  let faulty: FaultyServer;
  let withLongTimeout: ServiceProcess;
  let withShortTimeout: ServiceProcess;

  const startOrder = (faultyUrl: string, CALL_TIMEOUT_MS: string) =>
    ServiceProcess.start('order-service', {
      INVENTORY_URL: role === 'inventory' ? faultyUrl : inventory.url,
      PAYMENT_URL: faultyUrl,
      CALL_TIMEOUT_MS,
    });

  beforeAll(async () => {
    faulty = await startFaulty(faults.reset);
    withLongTimeout = await startOrder(faulty.url, LONG_TIMEOUT_MS);
    withShortTimeout = await startOrder(faulty.url, SHORT_TIMEOUT_MS);
    for (const order of [withLongTimeout, withShortTimeout]) {
      await send(`${order.url}/order`).answer;
    }
  });
  afterAll(async () => {
    for (const part of [withLongTimeout, withShortTimeout, faulty]) {
      await part[Symbol.asyncDispose]();
    }
  });

  test.each(FAULTS)(
    'which %s, an order fails in time and in one line',
    async (_what, fault, cause) => {
      const order = cause === DEADLINE ? withShortTimeout : withLongTimeout;
      const memoryBefore = await peakMemoryBytes(order.pid);
      let hasArrived = false;
      faulty.fault = (socket) => {
        hasArrived = true;
        fault(socket);
      };
      let pending = send(`${order.url}/order`);
      // On a busy machine the deadline may pass before the call arrives: try again.
      while ((await pending.answer) && !hasArrived) pending = send(`${order.url}/order`);
      const { requestId } = pending;
      const { status, body } = await pending.answer;
      expect({ status, body }).toEqual({ status: 500, body: expect.stringContaining(failure) });
      expect(body.slice(`${failure}: `.length)).toMatch(cause);
      await onlyWarning(order, requestId, body);

      expect(await send(`${order.url}/health`).answer).toMatchObject({ status: 200 });
      const resources = async () => (await order.holdings()).resources;
      await expect.poll(resources).not.toHaveProperty('Timeout');
      await expect.poll(resources).not.toHaveProperty('TCPSocketWrap');
      expect((await peakMemoryBytes(order.pid)) - memoryBefore).toBeLessThan(MEMORY_SLACK_BYTES);
    },
  );

  test('which refuses connections, an order fails at once and in one line', async () => {
    await using refusing = await startRefusing();
    await using order = await startOrder(refusing.url, LONG_TIMEOUT_MS);
    const { requestId, answer } = send(`${order.url}/order`);
    const { body } = await answer;
    expect(body).toBe(`${failure}: ${role}-service is unreachable (ECONNREFUSED)`);
    await onlyWarning(order, requestId, body);
  });
});

/** Fails unless `order` logged exactly one warning for the request, `msg`, and no stack. */
async function onlyWarning(order: ServiceProcess, requestId: string, msg: string): Promise<void> {
  await order.waitFor({ requestId, msg });
  expect(order.find({ requestId }).filter(({ level }) => level >= 40)).toHaveLength(1);
  expect(order.find({ requestId, level: 40, msg })).toHaveLength(1);
  expect(JSON.stringify(order.lines)).not.toMatch(/stack|\bat .*:\d+:\d+/);
  expect(order.stderr).toBe('');
}

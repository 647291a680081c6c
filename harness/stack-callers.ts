import { randomUUID } from 'node:crypto';
import type { LookupAddress } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { createInterface } from 'node:readline';
import type { StackOutcome } from './stack-load.ts';

// Runs in a container on the stack's front network, with Node alone. Places orders for patient callers, and a third
// as many for callers that hang up; writes a line of JSON for each order that has ended. Reads commands from stdin:
// `start`, `stop` (place no more orders) and `ask ID` (place an order again under its key).

/** Resolves to the addresses of all replicas; the service's own name has one virtual address. */
const NAME = 'tasks.order-service';
const PORT = 8080;
const PATIENT_EVERY_MS = 20;
const HANG_UP_EVERY_MS = 60;
const HANG_UP_WITHIN_MS = 700;

/** The rate grows from zero over this time, because services that have just started answer slowly. */
const RAMP_MS = 15_000;

/** Longer than any service may take. */
const TIMEOUT_MS = 30_000;

/** Closes an idle connection before the service does. */
const agent = new Agent({ keepAlive: true, timeout: 3_000 });

/** How long an answer of the name server is reused, so that it is not asked for each order. */
const LOOK_UP_EVERY_MS = 500;

let found: { at: number; addresses: Promise<LookupAddress[]> } | undefined;

async function anyReplica(): Promise<string | undefined> {
  const at = performance.now();
  if (!found || at - found.at > LOOK_UP_EVERY_MS) {
    found = { at, addresses: lookup(NAME, { family: 4, all: true }) };
  }
  const addresses = await found.addresses;
  return addresses[Math.floor(Math.random() * addresses.length)]?.address;
}

/** Places an order under its own key. Never rejects. */
async function ask(orderID: string, hangUpAfterMs?: number): Promise<StackOutcome> {
  const sentAt = Date.now();
  const requestId = randomUUID();
  const answer = await placed(orderID, requestId, hangUpAfterMs ?? TIMEOUT_MS).catch((error) => ({
    status: undefined,
    body: String(error),
  }));
  const hungUp = hangUpAfterMs !== undefined;
  return { orderID, requestId, sentAt, endedAt: Date.now(), hungUp, ...answer };
}

async function placed(orderID: string, requestId: string, timeoutMs: number) {
  const signal = AbortSignal.timeout(timeoutMs);
  const host = await anyReplica();
  const headers = { 'idempotency-key': orderID, 'x-request-id': requestId };
  const sent = request({
    host,
    port: PORT,
    path: `/order?orderID=${orderID}`,
    headers,
    agent,
    signal,
  });
  sent.end();
  const [response]: [IncomingMessage] = (await once(sent, 'response')) as [IncomingMessage];
  let body = '';
  for await (const chunk of response.setEncoding('utf8')) body += chunk;
  return { status: response.statusCode, body: body.trimEnd() };
}

function print(line: { outcome: StackOutcome } | { reply: StackOutcome | 'stopped' }): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

const timers: NodeJS.Timeout[] = [];
const underWay = new Set<Promise<void>>();
function place(hangUpAfterMs?: number): void {
  const order = ask(randomUUID(), hangUpAfterMs).then((outcome) => print({ outcome }));
  underWay.add(order);
  order.finally(() => underWay.delete(order));
}

for await (const line of createInterface({ input: process.stdin })) {
  const [command, orderID = ''] = line.split(' ');
  if (command === 'ask') print({ reply: await ask(orderID) });
  if (command === 'start') {
    const startedAt = performance.now();
    const comes = () => Math.random() * RAMP_MS < performance.now() - startedAt;
    const patient = () => comes() && place();
    const impatient = () => comes() && place(Math.floor(Math.random() * HANG_UP_WITHIN_MS));
    timers.push(setInterval(patient, PATIENT_EVERY_MS));
    timers.push(setInterval(impatient, HANG_UP_EVERY_MS));
  }
  if (command === 'stop') {
    for (const timer of timers.splice(0)) clearInterval(timer);
    await Promise.all(underWay);
    print({ reply: 'stopped' });
  }
}
process.exit(0);

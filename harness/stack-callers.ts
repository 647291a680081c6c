import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, request } from 'node:http';
import type { StackOutcome } from './stack-load.ts';

// Runs in a pod, with Node alone. Places orders for patient callers, and a third as many for callers that hang up.
// Listens for commands: `/start?perSecond=N`, `/stop` (place no more orders), `/ask?orderID=ID` (place an order again
// under its key) and `/outcomes?from=N` (of the orders that have ended, without the first N).

const PORT = 9000;
const SERVICE = process.argv[2] ?? '';
const HANG_UP_WITHIN_MS = 700;

/** The rate grows from zero over this time, because services that have just started answer slowly. */
const RAMP_MS = 15_000;

/** Longer than any service may take. */
const TIMEOUT_MS = 30_000;

/** Closes an idle connection before the service does. */
const agent = new Agent({ keepAlive: true, timeout: 3_000 });

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
  const headers = { 'idempotency-key': orderID, 'x-request-id': requestId };
  const sent = request(`${SERVICE}/order?orderID=${orderID}`, { headers, agent, signal });
  sent.end();
  const [response]: [IncomingMessage] = (await once(sent, 'response')) as [IncomingMessage];
  let body = '';
  for await (const chunk of response.setEncoding('utf8')) body += chunk;
  return { status: response.statusCode, body: body.trimEnd() };
}

const outcomes: StackOutcome[] = [];
const timers: NodeJS.Timeout[] = [];
let underWay = 0;

async function place(hangUpAfterMs?: number): Promise<void> {
  underWay += 1;
  outcomes.push(await ask(randomUUID(), hangUpAfterMs));
  underWay -= 1;
}

function start(perSecond: number): void {
  const startedAt = performance.now();
  const comes = () => Math.random() * RAMP_MS < performance.now() - startedAt;
  const patient = () => comes() && place();
  const impatient = () => comes() && place(Math.floor(Math.random() * HANG_UP_WITHIN_MS));
  timers.push(setInterval(patient, 1_000 / perSecond));
  timers.push(setInterval(impatient, 3_000 / perSecond));
}

async function obey(command: string, parameter: (name: string) => string): Promise<unknown> {
  if (command === '/ask') return ask(parameter('orderID'));
  if (command === '/start') start(Number(parameter('perSecond')));
  if (command === '/stop') for (const timer of timers.splice(0)) clearInterval(timer);
  return { outcomes: outcomes.slice(Number(parameter('from'))), underWay };
}

createServer(async ({ url = '' }, res) => {
  const { pathname, searchParams } = new URL(url, 'http://callers');
  res.end(JSON.stringify(await obey(pathname, (name) => searchParams.get(name) ?? '')));
}).listen(PORT);
process.on('SIGTERM', () => process.exit());

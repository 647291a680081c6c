import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import fc from 'fast-check';
import { ClientDisconnected, Scope } from 'request-scope';
import { afterEach, expect, test } from 'vitest';
import { portOf } from '../../harness/network.ts';
import { fatal, serverMessage } from '../../harness/server-message.ts';
import { until } from '../../harness/time.ts';
import { useServer } from '../../harness/use-server.ts';
import { createPool, DatabaseUnavailable, listen } from '../src/index.ts';

const server = useServer();
const disposals: (() => void)[] = [];
afterEach(() => {
  for (const dispose of disposals.splice(0)) dispose();
});

/** Serves until the end of the test; resolves with a database URL that leads to it. */
async function serve(onConnection: (client: Socket) => void): Promise<string> {
  const clients = new Set<Socket>();
  const listening = createServer((client) => {
    clients.add(client.on('error', () => {}));
    onConnection(client);
  });
  disposals.push(() => {
    listening.close();
    for (const client of clients) client.destroy();
  });
  await once(listening.listen(0, '127.0.0.1'), 'listening');
  return `postgres://postgres:secret@127.0.0.1:${portOf(listening)}/postgres`;
}

const authentication = (code: number, ...more: (string | number[])[]) =>
  serverMessage('R', [0, 0, 0, code], ...more);
const FATAL = fatal('57P01', 'going');
const READY = serverMessage('Z', 'I');
const random = fc.sample(fc.uint8Array({ minLength: 1, maxLength: 64 }), { numRuns: 60, seed: 9 });
const types = [...'RSKZEN123CDTtGHWdcsInAVv'];

const GREETINGS: Record<string, Buffer> = {
  'an HTTP answer': Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'),
  'a banner of ssh': Buffer.from('SSH-2.0-OpenSSH_9.2p1\r\n'),
  'a greeting of MySQL': Buffer.from('4a0000000a382e302e33360008000000', 'hex'),
  zeros: Buffer.alloc(65_536),
  nothing: Buffer.alloc(0),
  'an unknown way to authenticate': authentication(99),
  Kerberos: authentication(2),
  'MD5 with half a salt': authentication(5, [1]),
  'SASL with no mechanism': authentication(10, '\0'),
  'SASL with one that is not known': authentication(10, 'SCRAM-SHA-1\0\0'),
  'the end of a SASL that never began': authentication(12, 'v=none'),
  'a step of a SASL that never began': authentication(11, 'r=none'),
  'a refusal that is none': Buffer.concat([FATAL, authentication(0), READY]),
  FATAL,
  'two refusals': Buffer.concat([FATAL, FATAL]),
  'ready at once': READY,
  'a length of 2 GB': Buffer.from('527fffffff00000000', 'hex'),
  'an error without a code': serverMessage('E', 'SERROR\0Mboom\0\0'),
  'an error that does not end': serverMessage('E', 'SERROR'),
  ...Object.fromEntries(types.map((type) => [`an empty ${type}`, serverMessage(type)])),
  ...Object.fromEntries(
    types.map((type) => [`a ${type} of zeros`, serverMessage(type, [0, 0, 0, 0])]),
  ),
};

test('any greeting of a server fails the query, and does not crash the process', async () => {
  const greetings = [
    ...Object.entries(GREETINGS),
    ...random.map((bytes) => ['random', bytes] as const),
  ];
  const failures = greetings.map(async ([name, bytes]) => {
    const url = await serve((client) => client.write(bytes));
    await using pool = createPool(url, { maxConnections: 1, connectTimeoutMs: 500 });
    const failure = await pool.query('select 1').catch((error: unknown) => error);
    return failure instanceof DatabaseUnavailable ? undefined : [name, failure];
  });
  expect((await Promise.all(failures)).filter((failure) => failure !== undefined)).toEqual([]);
});

test('a server that asks for a cleartext password gets an empty one if there is none', async () => {
  const sent: Buffer[] = [];
  const url = await serve((client) => {
    client.on('data', (bytes) => sent.push(bytes)).write(authentication(3));
  });
  const withoutPassword = url.replace(':secret', '');
  await using pool = createPool(withoutPassword, { maxConnections: 1, connectTimeoutMs: 500 });
  await expect(pool.query('select 1')).rejects.toMatchObject({ name: 'DatabaseUnavailable' });
  expect(String(sent[1])).toBe('p\0\0\0\u0005\0');
});

const MANGLED: Record<string, (bytes: Buffer, count: number) => Buffer> = {
  'each answer twice': (bytes) => Buffer.concat([bytes, bytes]),
  'a byte flipped': (bytes, count) => {
    const copy = Buffer.from(bytes);
    const at = (count * 7) % copy.length;
    copy[at] = (copy[at] ?? 0) ^ 0x55;
    return copy;
  },
  'half of it': (bytes) => bytes.subarray(0, bytes.length / 2),
  'a row nobody asked for': (bytes) => Buffer.concat([serverMessage('D', [0, 0]), bytes]),
  'an unknown message': (bytes) => Buffer.concat([serverMessage('\x7f', 'abc'), bytes]),
  'a length of 2 GB': (bytes) => Buffer.concat([Buffer.from('447fffffff', 'hex'), bytes]),
  'a length of 0': (bytes) => Buffer.concat([Buffer.from('4400000000', 'hex'), bytes]),
  'copy-in begun': (bytes) => Buffer.concat([serverMessage('G', [0, 0, 0]), bytes]),
  'ready before the answer': (bytes) => Buffer.concat([READY, READY, bytes]),
  'an error without a code': (bytes) =>
    Buffer.concat([serverMessage('E', 'SERROR\0Mboom\0\0'), bytes]),
  'FATAL, and silence': () => FATAL,
  'nothing any more': () => Buffer.alloc(0),
  'a thousand notices': (bytes) =>
    Buffer.concat([...Array(1_000).fill(serverMessage('N', 'SNOTICE\0Mhm\0\0')), bytes]),
  'a thousand settings': (bytes) =>
    Buffer.concat([...Array(1_000).fill(serverMessage('S', 'a\0b\0')), bytes]),
  ...Object.fromEntries(
    random.slice(0, 20).map((bytes, index) => [`random ${index}`, () => Buffer.from(bytes)]),
  ),
};

/** The server behind a relay that corrupts its answers with `mangle.how`. */
async function mangledServer() {
  const { port } = new URL(server.postgres.url);
  const mangle: { how?: (bytes: Buffer, count: number) => Buffer } = {};
  let count = 0;
  const url = await serve((near) => {
    const far = connect(Number(port), '127.0.0.1').on('error', () => {});
    near.on('data', (bytes) => far.write(bytes)).on('close', () => far.destroy());
    far.on('data', (bytes) => {
      count += 1;
      near.write(mangle.how?.(bytes, count) ?? bytes);
    });
    far.on('close', () => near.destroy());
  });
  return { url, mangle };
}

test('a corrupted connection fails its own queries, and is replaced', async () => {
  const given = Object.entries(MANGLED).map(async ([name, how]) => {
    const { url, mangle } = await mangledServer();
    const limits = { maxConnections: 2, connectTimeoutMs: 1_000, maxQueryMs: 300 };
    await using pool = createPool(url, limits);
    const ask = () => pool.query('select $1::int as given', [7]);
    // All pools open theirs at once: that may take longer than this pool allows.
    await until('two connections', () => Promise.all([ask(), ask()]).catch(() => undefined));
    mangle.how = how;
    const write = { uncancelable: true };
    await Promise.allSettled([ask(), pool.query('select 8', [], undefined, write), ask(), ask()]);
    delete mangle.how;
    // A connection that is still open may turn out to be broken only now.
    await Promise.allSettled([ask(), ask()]);
    const answer = await until('an answer', () => ask().catch(() => undefined));
    return [name, answer.rows[0]?.given];
  });
  const all = Object.fromEntries(await Promise.all(given));
  expect(all).toEqual(Object.fromEntries(Object.keys(MANGLED).map((name) => [name, 7])));
});

test('corrupted bytes end neither a listener nor a cancel', async () => {
  const { url, mangle } = await mangledServer();
  await using pool = createPool(url, { maxConnections: 1, connectTimeoutMs: 2_000 });
  const leaving = new AbortController();
  const listening = listen(url, 'channel', () => {}, leaving.signal);
  using scope = new Scope();
  const query = pool.query('select pg_sleep(3600)', [], scope);
  await server.runs('select pg_sleep(3600)');
  await server.runs('listen "channel"', 0);
  mangle.how = (bytes) => Buffer.concat([Buffer.from('ff00000003', 'hex'), bytes]);
  await server.ask("select pg_notify('channel', '')");
  scope.abort(new ClientDisconnected());
  await expect(query).rejects.toThrow(ClientDisconnected);
  await server.stops('select pg_sleep(3600)');
  leaving.abort();
  await listening;
});

// The far ends of the calls: servers that hold their answers, and notice when a call ends before it got one.
import { EventEmitter, once } from 'node:events';
import { createServer } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import { createServer as createTcpServer } from 'node:net';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import grpc from '@grpc/grpc-js';
import { Redis } from 'ioredis';
import mysql from 'mysql2/promise';
import pg from 'pg';

/** The far end of one call. It holds each request until `answer()`. */
export class FarEnd extends EventEmitter {
  /** How many requests came. */
  requests = 0;
  /** How many requests it has begun to work on. */
  begun = 0;
  /** How many requests it works on. */
  open = 0;
  answered = new Promise((resolve) => {
    this.answer = resolve;
  });

  constructor(kind) {
    super();
    this.kind = kind;
  }

  /** Begins to work on a request. Returns a function that ends this. */
  begin() {
    this.begun += 1;
    this.open += 1;
    this.emit('begun');
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      this.open -= 1;
      this.emit('ended');
    };
  }

  /** Resolves once it works on `howMany` requests. */
  async hasBegun(howMany) {
    while (this.begun < howMany) await once(this, 'begun');
  }

  /** Resolves once it works on none. */
  async hasEnded() {
    while (this.open > 0) await once(this, 'ended');
  }
}

const MODEL = { id: '1', object: 'chat.completion', created: 1, model: 'm' };
const JSON_ANSWER = {
  data: { answer: 42 },
  ...MODEL,
  choices: [{ index: 0, message: { role: 'assistant', content: '42' }, finish_reason: 'stop' }],
};
const event = (data) => `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`;
const CHUNK = { ...MODEL, object: 'chat.completion.chunk' };
const MESSAGE = { id: '1', type: 'message', role: 'assistant', model: 'm', content: [] };

/** What a server sends before it holds its answer, and then. */
const BODIES = {
  http: { rest: JSON.stringify(JSON_ANSWER) },
  body: { first: ' ', rest: JSON.stringify(JSON_ANSWER) },
  openaiStream: {
    type: 'text/event-stream',
    first: event({ ...CHUNK, choices: [{ index: 0, delta: { content: '4' } }] }),
    rest: `${event({ ...CHUNK, choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] })}data: [DONE]\n\n`,
  },
  anthropicStream: {
    type: 'text/event-stream',
    first: event({ type: 'message_start', message: { ...MESSAGE, usage: { input_tokens: 1 } } }),
    rest: event({ type: 'message_stop' }),
  },
};

/** Enough turns of the event loop for a client in this process to read what was written to it. */
async function untilRead() {
  for (let turn = 0; turn < 50; turn += 1) await nextTurn();
}

/** Far ends over HTTP/1.1 and HTTP/2: a request for `/3/…` belongs to the far end number 3. */
async function startHttp(createServer, farEnds) {
  const server = createServer(async (req, res) => {
    const far = farEnds.get(req.url.split('/')[1]);
    far.requests += 1;
    req.resume();
    const refuses = far.kind === 'retry' && far.requests === 1;
    const { type = 'application/json', first, rest } = BODIES[far.kind] ?? BODIES.http;
    const head = { 'content-type': type, 'x-elastic-product': 'Elasticsearch' };
    if (refuses) res.writeHead(503).end();
    else if (first) res.writeHead(200, head).write(first);
    if (refuses || first) await untilRead();
    if (res.closed && !refuses) return;
    const end = far.begin();
    res.on('close', end);
    if (refuses) return end();
    await far.answered;
    if (!first) res.writeHead(200, head);
    res.end(rest);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return server;
}

/** A far end per connection, without a protocol. */
async function startTcp(current) {
  const server = createTcpServer(async (socket) => {
    const far = current();
    socket
      .on('error', () => {})
      .on('close', far.begin())
      .resume();
    await far.answered;
    socket.end('42');
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return server;
}

/** An SMTP server that holds its answer to a message. */
async function startSmtp(current) {
  const server = createTcpServer((socket) => {
    const far = current();
    let isInData = false;
    socket
      .on('error', () => {})
      .on('data', async (bytes) => {
        const line = String(bytes);
        if (isInData) {
          if (!line.endsWith('\r\n.\r\n')) return;
          isInData = false;
          socket.on('close', far.begin());
          await far.answered;
        }
        isInData = line.startsWith('DATA');
        socket.write(isInData ? '354 go on\r\n' : '250 done\r\n');
        if (line.startsWith('QUIT')) socket.end();
      });
    socket.write('220 here\r\n');
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return server;
}

const bytes = { requestSerialize: Buffer.from, responseSerialize: Buffer.from };
const texts = { requestDeserialize: String, responseDeserialize: String };

/** A gRPC service with one method. */
export const GRPC_SERVICE = {
  hold: { path: '/far/hold', requestStream: false, responseStream: false, ...bytes, ...texts },
};

async function startGrpc(current) {
  const server = new grpc.Server();
  server.addService(GRPC_SERVICE, {
    async hold(call, answer) {
      const far = current();
      const end = far.begin();
      call.on('cancelled', end);
      await far.answered;
      end();
      answer(null, '42');
    },
  });
  const credentials = grpc.ServerCredentials.createInsecure();
  const port = await new Promise((resolve, reject) => {
    const bound = (error, port) => (error ? reject(error) : resolve(port));
    server.bindAsync('127.0.0.1:0', credentials, bound);
  });
  return { server, port };
}

const WATCH_MS = 10;

/** Watches a statement from its begin to its end: no database tells of either. */
async function watch(isRunning, far, { signal }) {
  const becomes = async (value) => {
    while (!signal.aborted && (await isRunning()) !== value) await sleep(WATCH_MS);
  };
  await becomes(true);
  const end = far.begin();
  await becomes(false);
  end();
}

/** Locks in PostgreSQL for which statements wait. */
async function openPostgres(postgresUrl) {
  const postgres = new pg.Client({ connectionString: postgresUrl });
  await postgres.connect();
  const ask = async (sql, id) => (await postgres.query(sql, [id])).rows[0].answer;
  const hold = async (id) => {
    await ask('select pg_advisory_lock($1)::text as answer', id);
    return {
      sql: 'select pg_advisory_xact_lock($1)::text as answer',
      isRunning: () =>
        ask('select exists(select from pg_locks where objid = $1 and not granted) as answer', id),
      release: () => ask('select pg_advisory_unlock($1) as answer', id),
    };
  };
  return { hold, close: () => postgres.end() };
}

/** Rows in MySQL for which statements wait. */
async function openMysql(mysqlUrl) {
  const pool = mysql.createPool(mysqlUrl);
  await pool.query('drop table if exists held');
  await pool.query('create table held (id int primary key) engine = innodb');
  const hold = async (id) => {
    const sql = 'select id from held where id = ? for update';
    const holder = await pool.getConnection();
    await holder.beginTransaction();
    await holder.query('insert into held values (?)', [id]);
    return {
      sql,
      async isRunning() {
        const text = 'select count(*) as count from information_schema.processlist where info = ?';
        const [[{ count }]] = await pool.query(text, [sql.replace('?', id)]);
        return count > 0;
      },
      async release() {
        await holder.commit();
        holder.release();
      },
    };
  };
  return { hold, close: () => pool.end() };
}

/** Lists in Redis for which commands wait. */
async function openRedis(redisUrl) {
  const redis = new Redis(redisUrl);
  await redis.flushall();
  const hold = (id) => ({
    isRunning: async () => /blocked_clients:[1-9]/.test(await redis.info('clients')),
    release: () => redis.rpush(`key-${id}`, '42'),
  });
  return { hold, close: () => redis.disconnect() };
}

/** Starts all far ends. `next(kind)` is that of the next call; close it before you ask for another. */
export async function startFarEnds({ postgresUrl, mysqlUrl, redisUrl }) {
  const farEnds = new Map();
  let far;
  const current = () => far;
  const http = await startHttp(createServer, farEnds);
  const http2 = await startHttp(createHttp2Server, farEnds);
  const tcp = await startTcp(current);
  const smtp = await startSmtp(current);
  const grpc = await startGrpc(current);
  const stores = {
    postgres: await openPostgres(postgresUrl),
    mysql: await openMysql(mysqlUrl),
    redis: await openRedis(redisUrl),
  };
  let count = 0;
  return {
    ports: { http2: http2.address().port, smtp: smtp.address().port, grpc: grpc.port },
    async next(kind) {
      const id = ++count;
      far = new FarEnd(kind);
      farEnds.set(String(id), far);
      const over = new AbortController();
      const held = await stores[kind]?.hold(id);
      const watched = held && watch(held.isRunning, far, over);
      const released = far.answered.then(held?.release);
      return Object.assign(far, {
        target: {
          url: `http://127.0.0.1:${http.address().port}/${id}`,
          path: `/${id}`,
          port: tcp.address().port,
          key: `key-${id}`,
          sql: held?.sql,
          values: [id],
          answered: far.answered,
        },
        /** Answers all requests. */
        async close() {
          far.answer();
          await released;
          over.abort();
          await watched;
        },
      });
    },
    async close() {
      for (const server of [http, http2, tcp, smtp]) server.close();
      http.closeAllConnections();
      grpc.server.forceShutdown();
      for (const store of Object.values(stores)) await store.close();
    },
  };
}

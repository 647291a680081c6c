import { createServer } from 'node:http';
import express from 'express';
import fc from 'fast-check';
import Fastify from 'fastify';
import { describe, expect, test } from 'vitest';
import { scopeOf, scopes } from '../src/express.ts';
import scopesOfFastify, { scopeOf as scopeOfReply } from '../src/fastify.ts';
import { runInScope } from '../src/fetch.ts';
import {
  BUDGET_HEADER,
  type BudgetHeader,
  budgetHeaders,
  DeadlineExceeded,
  readBudgetMs,
  requestScope,
  Scope,
  type ScopeOptions,
} from '../src/index.ts';
import { aborted, settled } from './event-loop.ts';
import { get, listen, startProbe } from './probe.ts';

describe('the budget header', () => {
  const budget = (value: string) => get(`x-envoy-expected-rq-timeout-ms: ${value}\r\n`);

  test.each(['1', '30'])('%s ms: aborts once it is spent', async (value) => {
    await using probe = await startProbe();
    await probe.connect(budget(value));
    const { scope } = await probe.next();
    expect(await aborted(scope.signal)).toBeInstanceOf(DeadlineExceeded);
    expect(scope.remainingMs).toBeLessThanOrEqual(1);
  });

  test('0 ms: aborted from the start', async () => {
    await using probe = await startProbe();
    await probe.connect(budget('0'));
    const { scope } = await probe.next();
    expect(scope.signal.reason).toBeInstanceOf(DeadlineExceeded);
  });

  test.each(['-1', '1.5', '1e3', '0x10', '12ms', '', '2147483648', '9'.repeat(400)])(
    'malformed, %j: counts as absent',
    async (value) => {
      await using probe = await startProbe();
      await probe.connect(budget(value));
      const { scope } = await probe.next();
      expect(scope.remainingMs).toBe(Number.POSITIVE_INFINITY);
      expect(scope.signal.aborted).toBe(false);
    },
  );

  test.each([
    [['90000', '60000'], 60_000],
    [['60000', 'soon'], 60_000],
  ])('sent twice, %j: the smaller valid one counts', async (values, budgetMs) => {
    await using probe = await startProbe();
    await probe.connect(get(values.map((value) => `${BUDGET_HEADER}: ${value}\r\n`).join('')));
    using scope = (await probe.next()).scope;
    expect(scope.remainingMs).toBeLessThanOrEqual(budgetMs);
    expect(scope.remainingMs).toBeGreaterThan(0);
  });

  test('2147483647 ms, the longest that a timer takes, counts', async () => {
    await using probe = await startProbe();
    await probe.connect(budget('2147483647'));
    using scope = (await probe.next()).scope;
    await settled();
    expect(scope.remainingMs).toBeGreaterThan(2_147_000_000);
    expect(scope.signal.aborted).toBe(false);
  });
});

describe('budgetHeaders', () => {
  test('sends the remaining time in whole milliseconds, rounded down', () => {
    using scope = new Scope(1_000);
    const left = Number(budgetHeaders(scope)[BUDGET_HEADER]);
    expect(Number.isInteger(left)).toBe(true);
    expect(left).toBeLessThan(1_000);
  });

  test('never sends 0, which Envoy reads as no limit', () => {
    using scope = new Scope(0);
    expect(budgetHeaders(scope)).toEqual({ [BUDGET_HEADER]: '1' });
  });

  test('sends nothing without a deadline', () => {
    using scope = new Scope();
    expect(budgetHeaders(scope)).toEqual({});
  });
});

/** The milliseconds of a `grpc-timeout`, by the grammar of its specification. */
function grpcMs(value = ''): number {
  const unitsMs: Record<string, number> = { n: 1e-6, u: 1e-3, m: 1, S: 1e3, M: 6e4, H: 3.6e6 };
  expect(value).toMatch(/^[1-9]\d{0,7}[HMSmun]$/);
  return Number(value.slice(0, -1)) * Number(unitsMs[value.slice(-1)]);
}

const ROUNDING = 1 + 4 * Number.EPSILON; // of the conversion between units
const REMAINING_MS = fc.oneof(
  fc.double({ min: 0, max: 2 ** 31 - 1, noNaN: true }),
  fc.double({ min: 0, max: 2, noNaN: true }),
  fc.integer({ min: 0, max: 2 ** 31 - 1 }),
  fc.constantFrom(0, 99.999_999, 100, 99_999.999, 100_000, 99_999_999, 100_000_000),
);

describe('the headers of Connect and gRPC', () => {
  const { signal } = new AbortController();

  test('a grpc-timeout is never longer than the rest of the time, nor shorter by a thousandth', () => {
    const holds = (remainingMs: number) => {
      const headers = budgetHeaders({ signal, remainingMs }, { header: 'grpc' });
      expect(Object.keys(headers)).toEqual(['grpc-timeout']);
      const writtenMs = grpcMs(headers['grpc-timeout']);
      expect(writtenMs).toBeLessThanOrEqual(Math.max(1e-6, remainingMs) * ROUNDING);
      expect(writtenMs).toBeGreaterThanOrEqual(remainingMs * 0.999 - 1e-6);
    };
    fc.assert(fc.property(REMAINING_MS, holds));
  });

  test('a connect-timeout-ms is a positive integer of ten digits at most, rounded down', () => {
    const holds = (remainingMs: number) => {
      const headers = budgetHeaders({ signal, remainingMs }, { header: 'connect' });
      expect(headers['connect-timeout-ms']).toMatch(/^[1-9]\d{0,9}$/);
      expect(Number(headers['connect-timeout-ms'])).toBe(Math.max(1, Math.floor(remainingMs)));
    };
    fc.assert(fc.property(REMAINING_MS, holds));
  });

  test('what budgetHeaders writes, readBudgetMs reads; the smallest of those that came counts', () => {
    const header: BudgetHeader[] = ['envoy', 'connect', 'grpc'];
    const holds = (remainingMs: number) => {
      const headers = budgetHeaders({ signal, remainingMs }, { header });
      const readMs = header.map((one) => readBudgetMs(headers, { header: one }));
      for (const ms of readMs) expect(ms).toBeLessThanOrEqual(Math.max(1, remainingMs) * ROUNDING);
      expect(readBudgetMs(headers, { header })).toBe(Math.min(...readMs));
    };
    fc.assert(fc.property(REMAINING_MS, holds));
  });

  test('no value of a header makes it throw, or read anything but a time or Infinity', () => {
    const value = fc.oneof(fc.string(), fc.stringMatching(/^\d{0,12}[HMSmunx]?$/));
    const holds = (sent: string) => {
      const headers = { 'grpc-timeout': sent, 'connect-timeout-ms': sent };
      const budgetMs = readBudgetMs(headers, { header: ['connect', 'grpc'] });
      if (budgetMs !== Number.POSITIVE_INFINITY) expect(budgetMs).toBeLessThanOrEqual(2 ** 31 - 1);
      expect(budgetMs).toBeGreaterThanOrEqual(0);
    };
    fc.assert(fc.property(value, holds));
  });

  test.each<[string, number]>([
    ['0n', 0],
    ['1n', 1e-6],
    ['250u', 0.25],
    ['1500m', 1_500],
    ['1S', 1_000],
    ['2M', 120_000],
    ['1H', 3_600_000],
    ['99999999m', 99_999_999],
  ])('grpc-timeout: %s is %d ms', (value, ms) => {
    expect(readBudgetMs({ 'grpc-timeout': value }, { header: 'grpc' })).toBe(ms);
  });

  test.each<[BudgetHeader, string, string]>([
    ...['', '1', 'S', '1s', '1h', '-1S', '1.5S', '1 S', '100000000n', '1Sm', '99999999H'].map(
      (value): [BudgetHeader, string, string] => ['grpc', 'grpc-timeout', value],
    ),
    ...['', '1m', '-1', '1.5', '00000000001', '9999999999', 'soon'].map(
      (value): [BudgetHeader, string, string] => ['connect', 'connect-timeout-ms', value],
    ),
  ])('malformed or too long, %s %s: %j: counts as absent', (header, name, value) => {
    expect(readBudgetMs({ [name]: value }, { header })).toBe(Number.POSITIVE_INFINITY);
  });

  test('nothing is sent without a deadline', () => {
    using scope = new Scope();
    expect(budgetHeaders(scope, { header: ['connect', 'grpc'] })).toEqual({});
  });

  test('a header that does not exist is refused in one line, by scopes() at once', async () => {
    const options = { header: 'http' } as unknown as ScopeOptions;
    const refusal = 'header must be envoy, connect or grpc, it is http';
    expect(() => readBudgetMs({}, options)).toThrow(new RangeError(refusal));
    expect(() => budgetHeaders(new Scope(), options)).toThrow(new RangeError(refusal));
    expect(() => scopes(options)).toThrow(new RangeError(refusal));
    await expect(Fastify().register(scopesOfFastify, options)).rejects.toThrow(refusal);
  });
});

/** How long the scope of a request lasts in each adapter. */
const ADAPTERS: [
  string,
  (headers: Record<string, string>, options?: ScopeOptions) => Promise<number>,
][] = [
  [
    'requestScope',
    async (headers, options) => {
      await using app = await listen(
        createServer((req, res) => {
          using scope = requestScope(req, res, options);
          res.end(String(scope.remainingMs));
        }),
      );
      return Number(await (await fetch(`http://localhost:${app.port}`, { headers })).text());
    },
  ],
  [
    'Express',
    async (headers, options) => {
      const app = express().use(scopes(options));
      app.get('/', (_req, res) => void res.send(String(scopeOf(res).remainingMs)));
      await using listening = await listen(createServer(app));
      return Number(await (await fetch(`http://localhost:${listening.port}`, { headers })).text());
    },
  ],
  [
    'Fastify',
    async (headers, options) => {
      const fastify = Fastify();
      fastify.register(scopesOfFastify, { ...options });
      fastify.get('/', async (_request, reply) => String(scopeOfReply(reply).remainingMs));
      const { body } = await fastify.inject({ url: '/', headers });
      await fastify.close();
      return Number(body);
    },
  ],
  [
    'runInScope',
    async (headers, options) => {
      const request = new Request('http://here/', { headers });
      const work = (scope: Scope) => new Response(String(scope.remainingMs));
      return Number(await (await runInScope(request, work, options)).text());
    },
  ],
];

describe.each(ADAPTERS)('%s', (_adapter, remainingMs) => {
  const sent = { 'connect-timeout-ms': '60000', 'grpc-timeout': '30S', [BUDGET_HEADER]: '90000' };

  test.each<[ScopeOptions | undefined, number]>([
    [undefined, 90_000],
    [{}, 90_000],
    [{ header: 'envoy' }, 90_000],
    [{ header: 'connect' }, 60_000],
    [{ header: 'grpc' }, 30_000],
    [{ header: ['envoy', 'connect'] }, 60_000],
    [{ header: ['envoy', 'connect', 'grpc'] }, 30_000],
  ])('with %j it has the smallest budget of the headers asked for', async (options, budgetMs) => {
    const ms = await remainingMs(sent, options);
    expect(ms).toBeLessThanOrEqual(budgetMs);
    expect(ms).toBeGreaterThan(budgetMs - 30_000);
  });

  test('a header that nobody asked for changes nothing', async () => {
    const { [BUDGET_HEADER]: _, ...others } = sent;
    expect(await remainingMs(others)).toBe(Number.POSITIVE_INFINITY);
  });
});

import type { IncomingHttpHeaders } from 'node:http';
import { MAX_TIMER_MS, type ScopeView } from './scope.ts';

/**
 * The header for the budget: the whole milliseconds that the caller will still wait. The time is relative,
 * so clocks need not agree. Envoy and Istio set the same header.
 */
export const BUDGET_HEADER = 'x-envoy-expected-rq-timeout-ms';

/** A header for the budget: BUDGET_HEADER, Connect's `connect-timeout-ms` or gRPC's `grpc-timeout`. */
export type BudgetHeader = 'envoy' | 'connect' | 'grpc';

export interface BudgetOptions {
  /** The header that is read or written, or several of them; `envoy` if not set. */
  header?: BudgetHeader | readonly BudgetHeader[] | undefined;
}

interface Format {
  name: string;
  maxDigits: number;
  /** What may follow the digits, and how many milliseconds it stands for; the finest first. */
  unitsMs: Record<string, number>;
}

const FORMATS: Record<BudgetHeader, Format> = {
  envoy: { name: BUDGET_HEADER, maxDigits: Number.POSITIVE_INFINITY, unitsMs: { '': 1 } },
  /** "positive integer as ASCII string of at most 10 digits": https://connectrpc.com/docs/protocol */
  connect: { name: 'connect-timeout-ms', maxDigits: 10, unitsMs: { '': 1 } },
  /**
   * "positive integer as ASCII string of at most 8 digits", and a unit, for which upper and lower case differ:
   * https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
   */
  grpc: {
    name: 'grpc-timeout',
    maxDigits: 8,
    unitsMs: { n: 1e-6, u: 1e-3, m: 1, S: 1e3, M: 6e4, H: 3.6e6 },
  },
};

function listed({ header = 'envoy' }: BudgetOptions): readonly BudgetHeader[] {
  return typeof header === 'string' ? [header] : header;
}

function formatOf(header: BudgetHeader): Format {
  if (Object.hasOwn(FORMATS, header)) return FORMATS[header];
  throw new RangeError(`header must be envoy, connect or grpc, it is ${header}`);
}

/**
 * The caller's budget in milliseconds: the smallest that its headers say, or Infinity if there is none. A
 * malformed value, or one above 2,147,483,647 ms, counts as absent. A budget of 0 is spent, though Connect and
 * gRPC ask for a positive integer: grpc-go sends `0n`.
 *
 * @param headers with names in lower case, as Node has them, or Headers of the web.
 * @param options which headers are read.
 * @throws RangeError if `header` names none.
 */
export function readBudgetMs(
  headers: IncomingHttpHeaders | Headers,
  options: BudgetOptions = {},
): number {
  let budgetMs = Number.POSITIVE_INFINITY;
  for (const header of listed(options)) {
    const { name, maxDigits, unitsMs } = formatOf(header);
    const sent = Symbol.iterator in headers ? headers.get(name) : headers[name];
    if (!sent) continue;
    for (const value of String(sent).split(',')) {
      const [, digits = '', unit = 'none'] = /^(\d+)(\D?)$/.exec(value.trim()) ?? [];
      const ms = Number(digits) * (unitsMs[unit] ?? Number.NaN);
      if (ms <= MAX_TIMER_MS && digits.length <= maxDigits) budgetMs = Math.min(budgetMs, ms);
    }
  }
  return budgetMs;
}

/**
 * Headers that pass the remaining time of `scope` on to the next hop, or none if it has no deadline. The time is
 * rounded down, but is at least 1: Envoy reads 0 as no limit, Connect and gRPC ask for a positive integer.
 *
 * @param scope the scope of the call, whose remaining time is sent.
 * @param options which headers are written.
 * @throws RangeError if `header` names none.
 */
export function budgetHeaders(
  { remainingMs }: ScopeView,
  options: BudgetOptions = {},
): Record<string, string> {
  const formats = listed(options).map(formatOf);
  if (remainingMs > MAX_TIMER_MS) return {};
  const headers = formats.map(({ name, maxDigits, unitsMs }) => {
    const fits = ([, unitMs]: [string, number]) => remainingMs / unitMs < 10 ** maxDigits;
    const [unit, unitMs] = Object.entries(unitsMs).find(fits) as [string, number]; // MAX_TIMER_MS fits all.
    return [name, Math.max(1, Math.floor(remainingMs / unitMs)) + unit];
  });
  return Object.fromEntries(headers);
}

import { describe, expect, test } from 'vitest';
import {
  Cancellation,
  ConnectionClosed,
  causeOf,
  DeadlineExceeded,
  Scope,
  ShuttingDown,
} from '../src/index.ts';

/** What `enqueue` throws after the stream's reader has canceled it. */
const LATE_ENQUEUE = await new Promise((resolve) => {
  new ReadableStream({
    start(controller) {
      controller.close();
      try {
        controller.enqueue('late');
      } catch (error) {
        resolve(error);
      }
    },
  });
});

const aborted = () => {
  const scope = new Scope();
  scope.abort(new ShuttingDown());
  return scope;
};
const live = () => new Scope();
const abortError = (cause?: unknown) =>
  Object.assign(new Error('aborted', { cause }), { name: 'AbortError' });

describe('what an error stands for', () => {
  test.each<[string, unknown, Scope, string | undefined]>([
    ['a cancellation is itself', new DeadlineExceeded(), live(), 'deadline-exceeded'],
    ['... also under a scope with another', new DeadlineExceeded(), aborted(), 'deadline-exceeded'],
    ["an AbortError's cause", abortError(new DeadlineExceeded()), live(), 'deadline-exceeded'],
    [
      'an error around that',
      new Error('x', { cause: abortError(new DeadlineExceeded()) }),
      live(),
      'deadline-exceeded',
    ],
    ["a library's own error, after an abort", abortError(), aborted(), 'shutting-down'],
    ['any other failure after an abort', new Error('ECONNRESET'), aborted(), 'shutting-down'],
    ['the same, and nobody aborted', abortError(), live(), undefined],
    ['a stream whose reader has left', LATE_ENQUEUE, aborted(), 'shutting-down'],
    ['the same, and nobody aborted', LATE_ENQUEUE, live(), undefined],
    ['a bug', new TypeError('x is undefined'), live(), undefined],
    ['a bug after an abort', new TypeError('x is undefined'), aborted(), undefined],
    ['a reason of somebody else', AbortSignal.abort().reason, live(), undefined],
    ['nothing at all', undefined, live(), undefined],
  ])('%s', (_row, error, scope, code) => {
    expect(causeOf(error, scope)?.code).toBe(code);
  });

  test('a class of your own counts', () => {
    class Voided extends Cancellation {
      readonly code = 'voided';
    }
    expect(causeOf(new Voided(), live())?.code).toBe('voided');
  });

  test('so does a cancellation of another copy of the package', async () => {
    const copy = '../src/cause.ts?another-copy';
    const other: typeof import('../src/cause.ts') = await import(copy);
    expect(other.DeadlineExceeded).not.toBe(DeadlineExceeded);
    expect(causeOf(new other.DeadlineExceeded(), live())?.code).toBe('deadline-exceeded');
  });

  test('an error that is its own cause is no endless loop', () => {
    const error = new Error('round and round');
    error.cause = error;
    expect(causeOf(error, live())).toBeUndefined();
  });
});

const named = (name: string, more: object) => Object.assign(new Error(name), { name }, more);
const wrap = (cause: unknown, times: number): unknown =>
  times === 0 ? cause : wrap(new Error('No stock', { cause }), times - 1);

describe("a child's timeout within an error", () => {
  const timeout = new DeadlineExceeded();

  test.each<[string, unknown]>([
    ['three causes deep', wrap(timeout, 3)],
    ['of Promise.any', new AggregateError([new Error('refused'), abortError(timeout)])],
    ['of a resolver of GraphQL', named('GraphQLError', { originalError: abortError(timeout) })],
    [
      'whose clean-up failed too',
      named('SuppressedError', { error: new Error('no rollback'), suppressed: timeout }),
    ],
    [
      'that the clean-up met',
      named('SuppressedError', { error: wrap(timeout, 1), suppressed: new Error('no stock') }),
    ],
    ['of fetch, within all of that', wrap(new AggregateError([wrap(timeout, 2)]), 2)],
  ])('%s', (_row, error) => {
    expect(causeOf(error, live())).toBe(timeout);
    expect(causeOf(error, aborted())).toBe(timeout);
  });

  test('the nearest one counts', () => {
    const error = new AggregateError([wrap(new ShuttingDown(), 2), timeout]);
    expect(causeOf(error, live())).toBe(timeout);
  });

  test.each<[string, unknown]>([
    ['on its own', new TypeError('x is undefined')],
    ['as a cause', wrap(new TypeError('x is undefined'), 2)],
    ['of a resolver', named('GraphQLError', { originalError: new RangeError('x') })],
    ['beside a timeout', new AggregateError([timeout, new TypeError('x is undefined')])],
    [
      'in the clean-up after a timeout',
      named('SuppressedError', { error: new TypeError('x'), suppressed: timeout }),
    ],
  ])('a bug %s stays a bug', (_row, error) => {
    expect(causeOf(error, aborted())).toBeUndefined();
  });

  test.each<[string, unknown]>([
    ['too deep', wrap(timeout, 1_000)],
    [
      'too wide',
      new AggregateError([...Array.from({ length: 1_000 }, () => new Error()), timeout]),
    ],
  ])('%s is not looked for', (_row, error) => {
    expect(causeOf(error, live())).toBeUndefined();
  });

  test('circles of all kinds end', () => {
    const error: AggregateError = new AggregateError([]);
    Object.assign(error, { errors: [error], cause: error, originalError: wrap(error, 2) });
    expect(causeOf(error, live())).toBeUndefined();
  });

  test.each([{ cause: null, errors: 'none' }, null, 'a string', 7])('%j is no error', (error) => {
    expect(causeOf(error, live())).toBeUndefined();
  });
});

describe('after the service itself has closed the connection', () => {
  const closed = () => {
    const scope = new Scope();
    scope.abort(new ConnectionClosed());
    return scope;
  };

  test.each<[string, unknown]>([
    ['any error', new Error('disk full')],
    ['one of a network', Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })],
    ['none', undefined],
  ])('%s stands for itself', (_row, error) => {
    expect(causeOf(error, closed())).toBeUndefined();
  });

  test.each<[string, unknown]>([
    ['of Node and fetch', abortError()],
    ['of axios', named('CanceledError', { code: 'ERR_CANCELED' })],
    ['wrapped', wrap(abortError(), 2)],
  ])('an abort %s stands for that', (_row, error) => {
    expect(causeOf(error, closed())?.code).toBe('connection-closed');
  });
});

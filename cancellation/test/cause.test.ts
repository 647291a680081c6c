import { describe, expect, test } from 'vitest';
import { Cancellation, causeOf, DeadlineExceeded, Scope, ShuttingDown } from '../src/index.ts';

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

  test('an error that is its own cause ends nothing', () => {
    const error = new Error('round and round');
    error.cause = error;
    expect(causeOf(error, live())).toBeUndefined();
  });
});

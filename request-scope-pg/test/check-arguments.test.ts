import { Scope } from 'request-scope';
import { createPool } from 'request-scope-pg';
import { describe, expect, test } from 'vitest';

const URL_FORM = 'postgres://user:password@host:5432/database';

/** As JavaScript calls it, without types. */
const make: (url: unknown) => unknown = createPool as never;

test.each([[{ host: 'localhost' }], [undefined], ['']])('createPool(%o) asks for a URL', (url) => {
  expect(() => make(url)).toThrow(new TypeError(`expected a URL, such as ${URL_FORM}`));
});

test.each([0, 1.5, Number.NaN])('createPool refuses %d connections', (maxConnections) => {
  expect(() => createPool(URL_FORM, { maxConnections })).toThrow(
    `maxConnections is ${maxConnections}`,
  );
});

describe('a query asks for', () => {
  const pool = createPool('postgres://nobody@127.0.0.1:1/none');
  const query: (...args: unknown[]) => Promise<unknown> = pool.query.bind(pool) as never;
  const batch = pool.batch('select 1', { keyColumn: 'id', refusable: true });
  const write: (...args: unknown[]) => Promise<unknown> = batch.write.bind(batch) as never;
  const scope = new Scope();

  test('its values, if the scope is in their place', async () => {
    const message = 'expected an array of values before the scope: query(text, [], scope)';
    await expect(query('select 1', scope)).rejects.toThrow(new TypeError(message));
    await expect(write(scope)).rejects.toThrow(new TypeError(message));
  });

  test.each([
    ['a signal', scope.signal],
    ['a callback', () => {}],
    ['null', null],
  ])('a scope, if %s is in its place', async (_what, value) => {
    const message = 'expected a scope, such as scopeOf(res), and neither its signal nor a callback';
    await expect(query('select 1', [], value)).rejects.toThrow(new TypeError(message));
    await expect(write(['1'], value)).rejects.toThrow(new TypeError(message));
  });
});

import { getEventListeners } from 'node:events';
import { Axios, type AxiosAdapter } from 'axios';
import { Scope } from 'request-scope';
import { expect } from 'vitest';
import { readFailure } from '../../src/downstream/call.ts';

/** The longest answer that a call reads, in bytes. */
export const MAX_BYTES = 1_000;

const REQUEST = { step: 'Step', service: 'there', headers: {}, operation: 'check' };

/** The text of the answer, or the message of the failure. */
export async function outcome(adapter: 'http' | AxiosAdapter, url: string, scope = new Scope()) {
  const { signal } = scope;
  const { origin, pathname } = new URL(url);
  const http = new Axios({
    adapter,
    proxy: false,
    maxRedirects: 0,
    decompress: false,
    maxContentLength: MAX_BYTES,
    validateStatus: (status) => status === 200,
  });
  try {
    return (await http.request<string>({ baseURL: origin, url: pathname, signal })).data;
  } catch (error) {
    const ended = readFailure(error, scope, REQUEST);
    return ended instanceof Error ? ended.message : ended;
  } finally {
    scope[Symbol.dispose]();
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  }
}

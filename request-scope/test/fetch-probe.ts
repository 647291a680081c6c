import { getEventListeners } from 'node:events';
import { budget, LONG_MS } from './adapter-contract.ts';

const URL = 'http://orders/';
export const [BUDGET = ''] = budget(LONG_MS).split(':');

/** A request, a client that can leave, and whether a scope of the request is open. */
export function ask(init: RequestInit = {}) {
  const client = new AbortController();
  const request = new Request(URL, { ...init, signal: client.signal });
  const isOpen = () => getEventListeners(request.signal, 'abort').length > 0;
  return { request, isOpen, hangUp: () => client.abort() };
}

/** A body of two parts, after which it ends or fails. */
export const parts = (
  end: (controller: ReadableStreamDefaultController) => void,
  cancel: () => void | Promise<void> = () => {},
) => {
  const rest = ['first', 'second'].map((part) => new TextEncoder().encode(part));
  return new ReadableStream({
    pull(controller) {
      const part = rest.shift();
      if (part) controller.enqueue(part);
      else end(controller);
    },
    cancel,
  });
};

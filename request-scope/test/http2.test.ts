import { once } from 'node:events';
import { constants } from 'node:http2';
import { describe, expect, test } from 'vitest';
import { ClientDisconnected, GracefulShutdown } from '../src/index.ts';
import { aborted } from './event-loop.ts';
import { startHttp2 } from './http2-probe.ts';

describe('HTTP/2', () => {
  test('a stream that is reset aborts its own scope and no other', async () => {
    await using probe = await startHttp2();
    const [first, second] = [probe.get(), probe.get()];
    const arrivals = [await probe.next(), await probe.next()] as const;
    first.close(constants.NGHTTP2_CANCEL);
    expect(await aborted(arrivals[0].scope.signal)).toBeInstanceOf(ClientDisconnected);
    expect(arrivals[1].scope.signal.aborted).toBe(false);
    arrivals[1].res.end('still here');
    await once(second.setEncoding('utf8'), 'data');
    expect(arrivals[1].scope.signal.aborted).toBe(false);
  });

  test('a connection that is gone aborts the scopes of all its streams', async () => {
    await using probe = await startHttp2();
    for (const stream of [probe.get(), probe.get()]) stream.on('error', () => {});
    const scopes = [(await probe.next()).scope, (await probe.next()).scope];
    probe.client.destroy();
    for (const { signal } of scopes) {
      expect(await aborted(signal)).toBeInstanceOf(ClientDisconnected);
    }
  });

  test('an answer that was read to its end is no hang-up', async () => {
    await using probe = await startHttp2();
    const stream = probe.get();
    const { res, scope } = await probe.next();
    res.end('all');
    await once(stream.resume(), 'close');
    expect(scope.signal.aborted).toBe(false);
  });

  test('a connection that has its age takes no more streams, and ends those it has', async () => {
    await using probe = await startHttp2(new GracefulShutdown(), 0);
    const stream = probe.get().setEncoding('utf8');
    const { res } = await probe.next();
    await once(probe.client, 'goaway');
    res.end('still here');
    expect(await once(stream, 'data')).toEqual(['still here']);
    await once(probe.client, 'close');
  });

  test('a budget is read', async () => {
    await using probe = await startHttp2();
    probe.get({ 'x-envoy-expected-rq-timeout-ms': '60000' });
    const { scope } = await probe.next();
    expect(scope.remainingMs).toBeLessThanOrEqual(60_000);
    scope[Symbol.dispose]();
  });
});

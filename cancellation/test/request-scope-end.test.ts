import { describe, expect, test } from 'vitest';
import { settled, timers } from './event-loop.ts';
import { get, startProbe } from './probe.ts';

describe('what it leaves behind', () => {
  test('nothing on the socket', async () => {
    await using probe = await startProbe();
    await probe.connect(get());
    const { req, scope } = await probe.next();
    const { socket } = req;
    const during = socket.listenerCount('close');
    scope[Symbol.dispose]();
    expect(socket.listenerCount('close')).toBe(during - 1);
  });

  test('no timer, although the budget was long', async () => {
    await using probe = await startProbe();
    await probe.connect(get('x-envoy-expected-rq-timeout-ms: 60000\r\n'));
    const { scope } = await probe.next();
    const before = timers();
    scope[Symbol.dispose]();
    expect(timers()).toBe(before - 1);
  });

  test('no listener warning for twenty pipelined requests', async () => {
    const warnings: Error[] = [];
    const note = (warning: Error) => warnings.push(warning);
    process.on('warning', note);
    await using probe = await startProbe();
    await probe.connect(get().repeat(20));
    for (let count = 0; count < 20; count += 1) await probe.next();
    await settled();
    process.off('warning', note);
    expect(warnings).toEqual([]);
  });
});

import { Scope } from 'request-scope';
import { expect } from 'vitest';
import { Crowd, LOAD } from '../../demo/live/crowd.ts';
import type { CrowdFrame, SideFrame } from '../../demo/live/crowd-frame.ts';
import { send } from '../../harness/clients.ts';
import { startCommand } from '../../harness/command.ts';
import { Feed } from '../../harness/feed.ts';
import { childrenOf } from '../../harness/process-table.ts';
import { LOADER } from '../../processes/repository.ts';
import { scene } from '../support/scene.ts';

const isAt = (phase: CrowdFrame['phase']) => (frame: CrowdFrame) => frame.phase === phase;

function crowd(load = LOAD) {
  const frames = new Feed<CrowdFrame>();
  const its = new Crowd(['usual', 'ours'], (frame) => frames.push(frame), load);
  return { frames, crowd: its };
}

const sidesOf = ({ sides: { usual, ours } }: CrowdFrame) => {
  if (!usual || !ours) throw new Error('a side is missing');
  return { usual, ours };
};

scene('A crowd', 'the usual way starves the patient, ours serves them', async () => {
  const { frames, crowd: its } = crowd();
  using scope = new Scope();
  await its.run(scope);
  const ended = frames.items.at(-1);
  expect(ended?.phase).toBe('ended');
  const all = frames.items.map(sidesOf);
  for (const { usual, ours } of all) {
    for (const { workers, queue } of [usual, ours]) {
      expect(workers).toMatch(/^[wn-]{10}$/);
      expect(queue).toMatch(/^[wn]*$/);
      // Nobody waits for a worker that has nothing to do.
      if (queue) expect(workers).not.toMatch(/-/);
    }
  }
  const { usual, ours } = sidesOf(ended as CrowdFrame);
  for (const side of [usual, ours]) {
    expect(side).toMatchObject({ workers: '-'.repeat(10), queue: '', waited: 150 });
  }
  expect(usual.workedMs).toBeGreaterThan(ours.workedMs);
  const share = ({ afterLeftMs, workedMs }: SideFrame) => afterLeftMs / workedMs;
  expect(share(usual)).toBeGreaterThan(0.5);
  expect(share(ours)).toBeLessThan(share(usual) / 4);
  expect(ours.served).toBeGreaterThan(usual.served);
  const red = (name: 'usual' | 'ours') =>
    all.filter((sides) => /n{5}/.test(sides[name].workers)).length / all.length;
  expect(red('usual')).toBeGreaterThan(0.3);
  expect(red('ours')).toBeLessThan(0.1);
  return `${usual.served} and ${ours.served} of 150 served`;
});

scene('A crowd that is stopped', 'no process is left, and another can come', async () => {
  const { length } = await childrenOf(process.pid);
  const { frames, crowd: its } = crowd();
  for (const phase of ['starting', 'running'] as const) {
    const phases = frames.items.filter(isAt(phase)).length;
    using scope = new Scope();
    const running = its.run(scope);
    await its.run(scope); // A second one is not sent.
    await frames.next(isAt(phase), phases + 1);
    await its.stop();
    await running;
    expect(frames.items.at(-1)).toMatchObject({ phase: 'none', atMs: 0 });
    await expect.poll(() => childrenOf(process.pid)).toHaveLength(length);
  }
  return 'stopped while it started, and while it ran';
});

scene('A service of the crowd is killed', 'the crowd ends and says which', async () => {
  const known = await childrenOf(process.pid);
  const { frames, crowd: its } = crowd();
  using scope = new Scope();
  const running = its.run(scope);
  await frames.next(isAt('running'));
  const started = (await childrenOf(process.pid)).filter((child) => !known.includes(child));
  const [first = 0] = started;
  process.kill(first, 'SIGKILL');
  await running;
  const { phase, why, sides } = frames.items.at(-1) ?? {};
  expect(phase).toBe('failed');
  expect(why).toMatch(/^[a-z]+-service \((usual|ours)\) has ended by itself$/);
  expect(sides?.ours?.workers).toBe('-'.repeat(10));
  await expect.poll(() => childrenOf(process.pid)).toHaveLength(known.length);
  return String(why);
});

scene('SIGTERM of npm run live during a crowd', 'it ends, and so do all its services', async () => {
  const live = startCommand(process.execPath, [...LOADER, 'demo/live/live.ts'], { LIVE_PORT: '0' });
  const url = await live.seen(/Open (\S+)/);
  const { pid = 0 } = live.child;
  const calm = await childrenOf(pid);
  const { host } = new URL(url);
  const loopback = url.replace('localhost', '127.0.0.1');
  const pending = send(`${loopback}/crowd`, { method: 'POST', headers: { host, origin: url } });
  await expect.poll(async () => (await childrenOf(pid)).length).toBeGreaterThan(calm.length + 5);
  const children = await childrenOf(pid);
  live.child.kill('SIGTERM');
  expect(await live.closed).toBe(0);
  await pending.answer.catch(() => {});
  const isThere = (child: number) => {
    try {
      return process.kill(child, 0);
    } catch {
      return false;
    }
  };
  await expect.poll(() => children.filter(isThere)).toEqual([]);
  return `${children.length} processes ended`;
});

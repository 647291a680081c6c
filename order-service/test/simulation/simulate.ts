import { pino } from 'pino';
import { ClientDisconnected, Scope } from 'request-scope';
import { OrderFailed } from '../../src/order-failed.ts';
import { recoverOnce } from '../../src/recover.ts';
import { judge, type Report } from './judge.ts';
import { Replica } from './replica.ts';
import type { Run, Story } from './run.ts';
import { World } from './world.ts';

const log = pino({ level: 'silent' });
const MAX_ROUNDS = 20;

/**
 * Plays one run to its end, when every message has arrived or is lost, and no attempt is open. Adds the races
 * that it meets to `crossings`.
 * @throws if a check of judge.ts fails, if an attempt stays open, or if our code throws.
 */
export async function simulate(run: Run, crossings: Set<string>): Promise<void> {
  const { stories, fates, crashes, recoveries, allDie, scheduler } = run;
  const world = new World(scheduler, fates, crossings);
  const replicas = [new Replica(world), new Replica(world)];
  const living = () => replicas.filter(({ isDead }) => !isDead);
  const pick = (n: number) => living()[n % living().length] as Replica;
  const reports: Report[] = [];
  const bugs: unknown[] = [];
  let keys = 0;

  const wait = async (moments: number) => {
    for (let moment = 0; moment <= moments; moment += 1) await world.step('caller waits');
  };

  const ask = async (story: Story, callerKey: string | undefined, n: number) => {
    await world.step('order');
    const replica = pick(n);
    const scope = new Scope();
    const paymentKey = `payment-${keys++}`;
    const ids = { productID: '1', orderID: 'order', paymentKey, requestId: 'r' };
    const { hangsUpAfter } = story;
    if (hangsUpAfter !== undefined && n === 0) {
      wait(hangsUpAfter).then(() => scope.abort(new ClientDisconnected()));
    }
    const answer = await replica.place({ ...ids, callerKey, log }, scope);
    if (answer === 'unknown') crossings.add('the outcome of an order is unknown');
    if (!replica.isDead && answer) reports.push({ paymentKey, callerKey, answer });
    if (answer === 'processed' && world.rows.get(paymentKey) === undefined && callerKey)
      crossings.add('a retry reads that its order is processed');
    if (answer === undefined) crossings.add('a retry is refused');
  };

  const background = (work: Promise<unknown>) => {
    work.catch((error) => bugs.push(error));
  };
  stories.forEach((story, index) => {
    const callerKey = story.hasKey ? `caller-${index}` : undefined;
    for (let n = 0; n <= (callerKey ? story.retries : 0); n += 1)
      background(ask(story, callerKey, n));
  });
  for (let n = 0; n < crashes; n += 1) {
    background(
      world.step('crash').then(() => {
        pick(n).isDead = true;
        replicas.push(new Replica(world));
      }),
    );
  }
  for (let n = 0; n < recoveries; n += 1) background(recoverAt(() => pick(n), world));

  await scheduler.waitIdle();
  if (allDie) {
    for (const replica of replicas) replica.isDead = true;
    replicas.push(new Replica(world));
  }
  world.heal();
  const isOpen = () =>
    [...world.rows.values()].some((row) => row.is_open) || living().some(({ voids }) => voids.size);
  for (let round = 0; isOpen(); round += 1) {
    if (round === MAX_ROUNDS) throw new Error('an attempt stays open');
    background(recoverAt(() => pick(round), world));
    world.wakeAll();
    await scheduler.waitIdle();
  }
  if (bugs.length > 0) throw bugs[0];
  await judge(world, reports);
}

async function recoverAt(replica: () => Replica, world: World): Promise<void> {
  await world.step('recovery');
  const { attempts, voids } = replica();
  await recoverOnce(attempts, voids, log).catch((error) => {
    if (!(error instanceof OrderFailed)) throw error;
  });
}

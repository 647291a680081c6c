import type { LiveLine } from './events.ts';
import type { LivePage } from './page.ts';

/** How an order ends whose client has hung up. */
export const HUNG_UP: [string, string] = ['hung up', 'hung up'];

interface Interruption {
  path: '/check' | '/pay';
  act: () => Promise<unknown>;
  /** How the order ends for the clients, the usual one and ours, if `act` was in time. */
  outcomes: [string, string];
  place?: () => Promise<unknown>;
}

/** Places an order and acts while a service of each side is at it; again, if that came too late. */
export async function interrupt(live: LivePage, interruption: Interruption) {
  const { path, act, outcomes } = interruption;
  const { place = () => live.press('Place order') } = interruption;
  for (;;) {
    if (!live.page.isClosed()) await live.press('Reset');
    const known = new Set(live.events.items.map(({ requestId }) => requestId));
    await place();
    const isNew = ({ msg, requestId }: LiveLine) =>
      msg === 'Places an order' && !known.has(requestId);
    const { requestId = '' } = await live.events.next(isNew);
    /** What is told of this order, on one side. */
    const ofOrder = (side: string, isWanted: (event: LiveLine) => unknown) => {
      const isOfOrder = (event: LiveLine) => event.side === side && event.requestId === requestId;
      return live.events.next((event) => isOfOrder(event) && Boolean(isWanted(event)));
    };
    const each = (isWanted: (event: LiveLine) => unknown) =>
      Promise.all([ofOrder('usual', isWanted), ofOrder('ours', isWanted)]);
    await each((event) => event.path === path);
    await act();
    const [usualEnd, oursEnd] = await each(({ outcome }) => outcome);
    if ([usualEnd.outcome, oursEnd.outcome].join() !== outcomes.join()) continue;
    const service = path === '/check' ? /^Inventory check/ : /^Payment proc/;
    const worked = await ofOrder('ours', ({ msg }) => service.test(msg));
    if (oursEnd.outcome === 'hung up' && !/canceled/.test(worked.msg)) continue;
    return { oursEnd, worked, ofOrder };
  }
}

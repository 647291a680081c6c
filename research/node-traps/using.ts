import { getEventListeners } from 'node:events';
import { runInThisContext } from 'node:vm';
import { Scope } from 'request-scope';
import { judge, NOT_AVAILABLE, type Trap } from './trap.ts';

/** A string, since a compiler would replace Node's `using` by its own code. */
const NATIVE = '(resource, touch) => { using it = resource; touch(() => it); }';

function compiled(): unknown {
  try {
    return runInThisContext(NATIVE);
  } catch {
    return undefined;
  }
}

export const USING: Trap[] = [
  {
    name: '`using` with a variable that a closure captures',
    issues: [58744, 58750],
    note: '#58750 fixed it. Where it is wrong, end a scope with `scope[Symbol.dispose]()` in `finally`.',
    async node() {
      const native = compiled();
      if (typeof native !== 'function') return NOT_AVAILABLE;
      let isDisposed = false;
      const dispose = () => {
        isDisposed = true;
      };
      native({ [Symbol.dispose]: dispose }, () => {});
      return judge(isDisposed, isDisposed ? 'disposed' : 'never disposed');
    },
    async ours() {
      const parent = new Scope();
      const scope = parent.child(60_000);
      try {
        [scope].map(() => scope.signal);
      } finally {
        scope[Symbol.dispose]();
      }
      const isEnded = getEventListeners(parent.signal, 'abort').length === 0;
      return judge(isEnded, isEnded ? 'ended in `finally`' : 'not ended');
    },
  },
];

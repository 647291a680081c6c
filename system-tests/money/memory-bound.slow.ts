import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import { LOADER, ROOT } from '../../processes/repository.ts';
import { scene } from '../support/scene.ts';

const run = promisify(execFile);

/** In a container of 512 MB, Node limits its heap to half of that. */
const HEAP_MB = 256;

const IDS = {
  'the shortest ids': 'n.toString(36)',
  'the longest ids': `String(n).padStart(8, '0').padStart(8 + 2 * 120, '\\u{1F4B0}')`,
};

const STORES = {
  payments: `
    const { MemoryLedger } = await import('${ROOT}payment-service/src/ledger/memory.ts');
    const store = new MemoryLedger(RETENTION_MS);
    const onVoid = () => scope.abort(new Error('voided'));
    const take = async (key, id) => {
      if ((await store.begin(key, id, { scope, onVoid, callerKey: own(key) })) !== 'begun') return false;
      return store.commit(key, scope);
    };`,
  "callers' keys": `
    const { MemoryAttempts } = await import('${ROOT}order-service/src/attempts/memory.ts');
    const store = new MemoryAttempts(RETENTION_MS);
    const take = async (callerKey, id) => {
      const order = { callerKey, productID: id, orderID: id };
      if ((await store.begin(order, scope)) !== 'begun') return false;
      await store.succeed(order, scope);
      return true;
    };`,
};

/** Keeps the store full while entries expire, and prints how many it has accepted. */
const program = (store: string, id: string) => `
  const { Scope } = await import('${ROOT}request-scope/src/index.ts');
  const RETENTION_MS = 8_000;
  const scope = new Scope();
  const own = (text) => Buffer.from(text).toString();
  ${store}
  let [taken, atOnce, n] = [0, 0, 0];
  for (; atOnce === 0 || taken < 1.1 * atOnce; n += 1) {
    const id = ${id};
    if (await take(own(id.length > 128 ? String(n).padStart(128, 'k') : id), own(id))) taken += 1;
    else {
      atOnce ||= taken;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
  console.log(JSON.stringify({ taken, atOnce }));`;

for (const [what, store] of Object.entries(STORES)) {
  for (const [which, id] of Object.entries(IDS)) {
    scene(
      `${what} up to the limit, with ${which}, in a heap of ${HEAP_MB} MB`,
      'a full store refuses more, and accepts more once old ones expire',
      async () => {
        const limit = `--max-old-space-size=${HEAP_MB}`;
        const args = [...LOADER, limit, '--input-type=module', '--eval', program(store, id)];
        const { stdout } = await run(process.execPath, args, { cwd: ROOT });
        const { taken, atOnce } = JSON.parse(stdout);
        expect(atOnce).toBeGreaterThan(100_000);
        expect(taken).toBeGreaterThan(atOnce);
        return `${atOnce} at a time, ${taken} in all`;
      },
      { timeout: 120_000 },
    );
  }
}

import { ClientDisconnected, causeOf, Scope } from 'request-scope';
import type { Pool } from '../src/index.ts';

/**
 * Runs a statement of 3 ms for each of `momentsMs`, cancels it after that time, and sends another without a scope at
 * once. Resolves with how many were canceled, how many finished, and the errors of those that followed.
 */
export async function cancelEach(pool: Pool, momentsMs: number[]) {
  let [canceled, finished] = [0, 0];
  const killed: unknown[] = [];
  for (const momentMs of momentsMs) {
    using scope = new Scope();
    const timer = setTimeout(() => scope.abort(new ClientDisconnected()), momentMs);
    try {
      await pool.query('select pg_sleep(0.003)', [], scope);
      finished += 1;
    } catch (error) {
      if (!causeOf(error, scope)) throw error;
      canceled += 1;
    }
    clearTimeout(timer);
    await pool.query('select pg_sleep(0.001)').catch((error: unknown) => killed.push(error));
  }
  return { canceled, finished, killed };
}

import type { ComposeStack } from '../../harness/compose-stack.ts';
import { until } from '../../harness/time.ts';

const PSQL = ['psql', '--host=127.0.0.1', '--username=orders', '--tuples-only', '--no-align'];

const AT_WORK = `--command=select query from pg_stat_activity where state = 'active'
    and query like '%pg_sleep%' and pid <> pg_backend_pid()`;

/** Waits for checks that run in the PostgreSQL of `stack`. */
export function checksIn(stack: ComposeStack) {
  const atWork = () => stack.exec('postgres', ...PSQL, AT_WORK);
  return {
    begins: () => until('a check in the database', async () => (await atWork()) || undefined),
    ends: () => until('its end', async () => ((await atWork()) ? undefined : true)),
  };
}

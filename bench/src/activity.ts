import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { mean } from 'simple-statistics';

const INTERVAL_MS = 250;

const LOOK = `
  select count(*)::int as active,
    count(*) filter (where wait_event in ('WALSync', 'WALWrite'))::int as flushing
  from pg_stat_activity where state = 'active' and pid <> pg_backend_pid()`;

/** Statements that a server had at work on average, and those of them that waited for its disk. */
export interface Activity {
  active: number;
  flushing: number;
}

/** Looks again and again at what the server at `url` does, for `durationMs`. */
export async function activityDuring(url: string, durationMs: number): Promise<Activity> {
  const client = new Client({ connectionString: url });
  await client.connect();
  const seen: Activity[] = [];
  const endsAt = performance.now() + durationMs;
  while (performance.now() < endsAt) {
    const { rows } = await client.query<Activity>(LOOK);
    seen.push(...rows);
    await sleep(Math.max(0, Math.min(INTERVAL_MS, endsAt - performance.now())));
  }
  await client.end();
  return {
    active: mean(seen.map(({ active }) => active)),
    flushing: mean(seen.map(({ flushing }) => flushing)),
  };
}

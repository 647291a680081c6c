import { expect } from 'vitest';
import type { Outcome } from '../../harness/load.ts';
import { until } from '../../harness/time.ts';

const SAID_UNKNOWN = /outcome unknown/;

/** The answers that callers got, and a way to ask for an order again. */
interface Load {
  outcomes: readonly Outcome[];
  ask(orderID: string): Promise<Outcome>;
}

interface Database {
  query(text: string): Promise<{ rows: { order_id?: string }[] }>;
}

/** Waits until every attempt is closed, then compares the callers' answers with the charges. */
export async function judge(load: Load, database: Database): Promise<string> {
  await settled(database);
  const { rows } = await database.query(
    "select order_id from orders.payments where status = 'processed'",
  );
  const charged = new Set(rows.map(({ order_id }) => order_id));
  const seen = { processed: 0, failed: 0, unheard: 0, readable: 0, charged: 0 };
  const breaches: string[] = [];
  for (const { orderID, status, body } of load.outcomes) {
    const isCharged = charged.has(orderID);
    if (isCharged) seen.charged += 1;
    if (status === 200) {
      seen.processed += 1;
      if (!isCharged) breaches.push(`${orderID} was processed, and is not charged`);
    } else if (status !== undefined && !SAID_UNKNOWN.test(body)) {
      seen.failed += 1;
      if (isCharged) breaches.push(`${orderID} failed (${body}), and is charged`);
    } else {
      seen.unheard += 1;
      if (!isCharged) continue; // Asking again might place the order.
      const again = await load.ask(orderID);
      if (again.status === 200) seen.readable += 1;
      else breaches.push(`${orderID} is charged, and its key says ${again.status}`);
    }
  }
  expect(breaches).toEqual([]);
  const { processed, failed, unheard, readable } = seen;
  return `${processed} processed, ${failed} failed, ${unheard} without an answer (${readable} processed under their key), ${seen.charged} charged: 0 breaches`;
}

/** Resolves once no attempt is open: every outcome is recorded, every void acknowledged. */
export async function settled(database: Database): Promise<void> {
  await until('no open attempt', async () => {
    const { rows } = await database.query('select 1 from orders.attempts where is_open limit 1');
    return rows.length === 0 || undefined;
  });
}

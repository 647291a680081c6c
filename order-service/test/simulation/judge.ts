import type { MemoryLedger } from '../../../payment-service/src/ledger/memory.ts';
import type { World } from './world.ts';

/** The answer to an order, whether or not its caller is still there. */
export interface Report {
  paymentKey: string;
  callerKey: string | undefined;
  answer: 'processed' | 'failed' | 'unknown';
}

/**
 * Checks the state at the end of a run.
 * @throws if an order that was answered as failed stays charged, if the record of an order contradicts its
 * answer or its payment, or if an order is charged and not shipped, or shipped and not charged.
 */
export async function judge(world: World, reports: Report[]): Promise<void> {
  const charged = await doneIn(world.ledger);
  const shipped = await doneIn(world.shipments);
  const readable = (callerKey: string | undefined) =>
    [...world.rows.values()].find((row) => row.caller_key === callerKey && callerKey !== undefined)
      ?.status === 'processed';
  for (const { paymentKey, callerKey, answer } of reports) {
    const isCharged = charged.has(paymentKey);
    if (answer === 'failed' && isCharged) throw new Error(`${paymentKey} failed, and is charged`);
    // Without a key, an order stays unknown if its replica dies with nothing on record: every message was lost.
    if (answer === 'unknown' && callerKey && isCharged !== readable(callerKey))
      throw new Error(`${paymentKey} is recorded as what it is not`);
    if (answer === 'processed' && callerKey && !readable(callerKey))
      throw new Error(`${paymentKey} was processed, and its key says otherwise`);
    if (answer === 'processed' && !callerKey && !isCharged)
      throw new Error(`${paymentKey} was processed, and is not charged`);
  }
  for (const row of world.rows.values()) {
    const isProcessed = row.status === 'processed';
    if (isProcessed !== charged.has(row.payment_key))
      throw new Error(`${row.payment_key} is recorded as ${row.status}, which it is not`);
  }
  // An order that is on no record cannot be undone: the log line of its replica is all there is.
  const isLost = ({ answer, paymentKey }: Report) =>
    answer === 'unknown' && !world.rows.has(paymentKey);
  const lost = new Set(reports.filter(isLost).map(({ paymentKey }) => paymentKey));
  for (const key of [...charged, ...shipped]) {
    if (lost.has(key)) continue;
    if (!charged.has(key)) throw new Error(`${key} is shipped, and is not charged`);
    if (!shipped.has(key)) throw new Error(`${key} is charged, and is not shipped`);
  }
}

/** The keys of what is done in a ledger and not undone. */
async function doneIn(ledger: MemoryLedger): Promise<Set<string>> {
  const all = await ledger.payments('order');
  return new Set(
    all.filter(({ status }) => status === 'processed').map(({ paymentKey }) => paymentKey),
  );
}

import type { Database } from '@orders/chassis';
import type fc from 'fast-check';
import type { ScopeView } from 'request-scope';
import { DatabaseUnavailable } from 'request-scope-pg';
import { MemoryLedger } from '../../../payment-service/src/ledger/memory.ts';
import { Batch, type BatchOptions } from '../../../request-scope-pg/src/batch.ts';
import { attemptStatements, type Row } from '../../src/attempts/postgres.ts';

const { succeed, succeedAndForget } = attemptStatements('orders').writes;

/**
 * What can happen to a message: it arrives and is answered, it is refused and surely did nothing, it is lost, or
 * its answer is lost.
 */
export type Fate = 'arrives' | 'refused' | 'lost' | 'answer lost';

interface StoredRow extends Row {
  is_open: boolean;
}

/** The state that survives every process: the ledgers, the table of the attempts, and the messages in flight. */
export class World {
  readonly ledger = new MemoryLedger(Number.MAX_SAFE_INTEGER);
  /** The ledger of the step after the payment. */
  readonly shipments = new MemoryLedger(Number.MAX_SAFE_INTEGER);
  readonly rows = new Map<string, StoredRow>();
  /** The races of crossings.ts that have happened. */
  readonly crossings: Set<string>;
  readonly #scheduler: fc.Scheduler;
  readonly #fates: Fate[];
  readonly #sleepers = new Set<() => void>();

  constructor(scheduler: fc.Scheduler, fates: Fate[], crossings: Set<string>) {
    this.#scheduler = scheduler;
    this.#fates = [...fates];
    this.crossings = crossings;
  }

  /** Resolves when the scheduler picks this step among those that could be next. */
  async step(label: string): Promise<void> {
    await this.#scheduler.schedule(Promise.resolve(), label);
  }

  /** What happens to the next message. */
  fate(): Fate {
    return this.#fates.shift() ?? 'arrives';
  }

  /** Resolves at the next `wakeAll`. */
  pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#sleepers.add(resolve);
    });
  }

  wakeAll(): void {
    for (const wake of this.#sleepers) wake();
    this.#sleepers.clear();
  }

  /** From now on every message arrives. */
  heal(): void {
    this.#fates.length = 0;
  }

  /**
   * The database as the process `replica` sees it. A statement waits for a connection until its scope aborts, and
   * is then done at once or not at all.
   */
  poolOf(replica: { isDead: boolean }): Database['pool'] {
    const run = async (text: string, values: () => unknown[], scope?: ScopeView) => {
      const fate = this.fate();
      await this.step('statement');
      if (replica.isDead) return await never();
      if (scope?.signal.aborted) {
        if (text === succeed || text === succeedAndForget)
          this.crossings.add('a success after its order has ended is not recorded');
        throw scope.signal.reason;
      }
      const sent = values();
      const isDone = fate === 'arrives' || fate === 'answer lost';
      const rows = isDone ? this.#run(text, sent) : [];
      await this.step('its answer');
      if (replica.isDead) return await never();
      const mayBeDone = fate !== 'refused';
      if (fate !== 'arrives') throw new DatabaseUnavailable('closed', new Error('lost'), mayBeDone);
      return { rows };
    };
    const query = (text: string, values: unknown[], scope?: ScopeView) =>
      run(text, () => values, scope);
    const pool = { query, send: run } as unknown as Database['pool'];
    const batch = (text: string, options: BatchOptions) => new Batch(pool, text, options);
    return Object.assign(pool, { batch });
  }

  #run(text: string, values: unknown[]): StoredRow[] {
    const statement = text.trim().replaceAll(/\s+/g, ' ').replaceAll('"orders".', '');
    if (statement.includes('(payment_key) do update')) return this.#reopen(values as string[]);
    if (statement.includes('for update skip locked')) return this.#claimAbandoned();
    // A batch: its rows are done one after another.
    const columns = values as string[][];
    const writes = (columns[0] ?? []).map((_, n) => columns.map((column) => column[n]));
    return writes.flatMap((write) => this.#runWrite(statement, write));
  }

  #runWrite(statement: string, write: (string | undefined)[]): StoredRow[] {
    const [key = ''] = write;
    const row = this.rows.get(key);
    if (statement.startsWith('insert')) return this.#insert(write);
    if (statement.startsWith('select payment_key, status')) return row ? [row] : [];
    if (statement.startsWith('select')) return this.#named(key);
    if (statement.startsWith('delete')) {
      if (statement.includes("'in-flight'") && row?.status !== 'in-flight') return [];
      return row && this.rows.delete(key) ? [row] : [];
    }
    if (statement.startsWith("update attempts set status = 'processed'")) {
      if (row?.status !== 'in-flight') return [];
      return [Object.assign(row, { status: 'processed', is_open: false })];
    }
    if (statement.startsWith("update attempts set status = 'failed'")) {
      if (!row || row.status === 'processed') return [];
      const is_open = row.is_open && !statement.includes('is_open = false');
      return [Object.assign(row, { status: 'failed', is_open })];
    }
    throw new Error(`not simulated: ${statement}`);
  }

  #insert([payment = '', caller, product = '', order = '', request = '']: (string | undefined)[]) {
    if (caller !== undefined && this.#named(caller).length > 0) return [];
    const row: StoredRow = {
      payment_key: payment,
      caller_key: caller ?? null,
      product_id: product,
      order_id: order,
      request_id: request,
      status: 'in-flight',
      is_open: true,
    };
    this.rows.set(payment, row);
    return [row];
  }

  #reopen([payment = '', product = '', order = '', request = '']: (string | undefined)[]) {
    if (!this.rows.has(payment)) this.#insert([payment, undefined, product, order, request]);
    const row = this.rows.get(payment);
    return row ? [Object.assign(row, { status: 'failed' })] : [];
  }

  #named(key: string): StoredRow[] {
    return [...this.rows.values()].filter((row) => row.caller_key === key);
  }

  /** Claims every open attempt, however young: no clock is to be trusted. */
  #claimAbandoned(): StoredRow[] {
    const open = [...this.rows.values()].filter((row) => row.is_open);
    for (const row of open) {
      if (row.status === 'in-flight')
        this.crossings.add('an attempt in flight is claimed as abandoned');
      row.status = 'failed';
    }
    return open;
  }
}

export function never(): Promise<never> {
  return new Promise(() => {});
}

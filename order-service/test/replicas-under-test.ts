import type { RequestListener } from 'node:http';
import type { Database } from '@orders/chassis';
import { afterEach, beforeEach, expect } from 'vitest';
import { useServer } from '../../harness/use-server.ts';
import { testDatabase } from '../../postgres/test/test-database.ts';
import { ATTEMPTS } from '../src/attempts/postgres.ts';
import { OrderServiceUnderTest } from './order-service-under-test.ts';

/** Order services that share a database. It has no attempt when a test begins. */
export function useReplicas() {
  const server = useServer();
  let database: Awaited<ReturnType<typeof testDatabase>>;
  let service: OrderServiceUnderTest;

  beforeEach(async () => {
    if (!server.isThere) return;
    database = await testDatabase(server.postgres.url, ATTEMPTS);
    await server.ask('truncate attempts');
    service = new OrderServiceUnderTest();
  });
  afterEach(async () => {
    if (!server.isThere) return;
    await service.shutdown.drain(0);
    service.close();
    await database[Symbol.asyncDispose]();
  });

  return {
    server,
    get database() {
      return database;
    },
    /** Their log, and what they call. */
    get service() {
      return service;
    },
    /** A replica, between an inventory and a payment service that answer with these listeners. */
    replica: (inventory: RequestListener, payment: RequestListener, its: Database = database) =>
      service.appBetween(inventory, payment, {}, {}, its),
    /** Fails unless the one attempt, which has just begun, cannot be claimed for `ms`. */
    mayTake: async (ms: number) => {
      const left = `select 1 from attempts where expires_at - now() between
        make_interval(secs => $1) and make_interval(secs => $2)`;
      const { rows } = await server.ask(left, [ms / 1_000 - 10, ms / 1_000]);
      expect(rows).toHaveLength(1);
    },
    /** The attempts on record. */
    attempts: async () =>
      (await server.ask('select caller_key, status, is_open from attempts')).rows,
  };
}

import { tracingChannel } from 'node:diagnostics_channel';

/** A query, from the call until its end. That includes the wait for a connection. */
export interface DatabaseQuery {
  text: string;
}

/** The cancel of a query, until the statement has ended in the database. */
export interface DatabaseCancel {
  query: DatabaseQuery;
}

export const databaseQuery = tracingChannel<DatabaseQuery>('postgres:query');
export const databaseCancel = tracingChannel<DatabaseCancel>('postgres:cancel');

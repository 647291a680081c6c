import { tracingChannel } from 'node:diagnostics_channel';

/** A statement, from the moment that it is asked for, its wait for a connection included. */
export interface DatabaseQuery {
  text: string;
}

/** The cancel of a statement, until that has ended. */
export interface DatabaseCancel {
  query: DatabaseQuery;
}

export const databaseQuery = tracingChannel<DatabaseQuery>('postgres:query');
export const databaseCancel = tracingChannel<DatabaseCancel>('postgres:cancel');

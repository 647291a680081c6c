export { type Run, VERSIONS_TABLE } from './catalog.ts';
export { type Privilege, type Table, TablesRefused } from './table.ts';
export { scriptForEmptyDatabase, Tables } from './tables.ts';
export { type AvailabilityObserver, watchAvailability } from './watch-availability.ts';

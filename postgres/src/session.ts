/**
 * What each connection sets before its first statement: what a server, database or role has set as a default does
 * not matter then. Timestamps are read as ISO writes them; under a stricter isolation two writes that meet would
 * fail in place of one waiting for the other; a commit that was acknowledged must be on disk, and wherever else
 * the server is to have it.
 */
export const SESSION_SETTINGS = `
  set datestyle = 'ISO'; set timezone = 'UTC'; set standard_conforming_strings = on;
  set default_transaction_isolation = 'read committed'; set statement_timeout = 0;
  select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') = 'off'`;

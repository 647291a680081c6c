/** How to open a connection, besides its URL. */
export interface ConnectOptions {
  /** The file with the password, which takes the place of the URL's. It is read for each connection. */
  passwordFile?: string | undefined;
  /** The name of the connection in pg_stat_activity, unless the URL has an `application_name`. */
  applicationName?: string | undefined;
  /** How many milliseconds it may take to open a connection; 5,000 unless given. */
  connectTimeoutMs?: number;
}

/** For a connection that is reopened when it is lost. */
export interface ReconnectOptions extends ConnectOptions {
  /** How many milliseconds pass between two attempts; 1,000 unless given. */
  pauseMs?: number;
}

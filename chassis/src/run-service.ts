import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Database, openDatabase } from '@orders/postgres/database';
import { type Table, Tables } from '@orders/postgres/tables';
import { config as loadEnvFile } from 'dotenv';
import type { Logger } from 'pino';
import { GracefulShutdown } from 'request-scope';
import { type EdgeConfig, StartError } from './config.ts';
import { exitGracefully } from './graceful-exit.ts';
import { BACKLOG, createLimitedServer } from './limits.ts';
import { neverWait } from './line-writer.ts';
import { listenError } from './listen-error.ts';
import { createLogger } from './logger.ts';
import { count } from './text.ts';
import { urlOf } from './url.ts';

/** How long what was aborted has to stop in the database, and the log's reader to take what is kept for it. */
const CLOSE_TIMEOUT_MS = 1_000;

/**
 * Runs a service until SIGTERM or SIGINT, with a database that has `table`, if it needs one, where the
 * environment names one. If it cannot start: one line on stderr, exit code 1.
 */
export async function runService<Config extends EdgeConfig>(service: {
  name: string;
  envFile: URL;
  table?: Table;
  readConfig: (env: NodeJS.ProcessEnv) => Config;
  createApp: (
    config: Config,
    logger: Logger,
    shutdown: GracefulShutdown,
    database: Database | undefined,
  ) => RequestListener;
}): Promise<void> {
  const refuseToStart = ({ message }: Error) => {
    process.stderr.write(`${service.name}: ${message}\n`);
    process.exit(1); // Not by itself: what looks for the database would keep it.
  };
  // What Node or telemetry writes there must neither end a service nor stop it.
  neverWait(process.stderr.on('error', () => {}));
  try {
    const { DOTENV_PATH } = process.env;
    const { error } = loadEnvFile({ path: DOTENV_PATH || service.envFile, quiet: true });
    if (DOTENV_PATH && error) throw new StartError(`DOTENV_PATH cannot be read: ${error.message}`);
    const config = service.readConfig(process.env);
    const logger = await createLogger(service.name, config.logLevel, config.logFormat);
    const shutdown = new GracefulShutdown();
    const { databaseUrl: url, databaseSchema, databasePasswordFile: passwordFile } = config;
    // Who holds a connection or a lock is to be seen in the database.
    const applicationName = `${service.name}@${hostname()}`;
    const connect = { passwordFile, applicationName, onRefused: refuseToStart };
    const tables = new Tables(databaseSchema, service.table ? [service.table] : []);
    const { signal } = shutdown;
    const database = url
      ? await openDatabase(url, tables, config.databaseConnections, logger, signal, connect)
      : undefined;
    const app = service.createApp(config, logger, shutdown, database);
    const server = createLimitedServer(app);
    const { host, port, shutdownTimeoutMs, drainDelayMs, maxConnectionAgeMs } = config;
    shutdown.attach(server, maxConnectionAgeMs || undefined);
    // Before it listens: whoever has seen that may end it at once.
    exitGracefully(logger, async () => {
      await shutdown.drain(shutdownTimeoutMs, drainDelayMs);
      const isLogged = new Promise<void>((resolve) => logger.flush(() => resolve()));
      await Promise.race([Promise.all([database?.close(), isLogged]), sleep(CLOSE_TIMEOUT_MS)]);
    });
    shutdown.signal.addEventListener('abort', () => {
      const { inFlight } = shutdown;
      // Behind the line that says why it is shutting down.
      if (inFlight > 0)
        queueMicrotask(() => logger.info(`Waiting for ${count(inFlight, 'request')}`));
    });
    const listening = once(server.listen({ host, port, backlog: BACKLOG }), 'listening');
    await listening.catch((error) => {
      const [first = ''] = service.name.split('-');
      const variable = `PORT (${first.toUpperCase()}_PORT with npm start)`;
      throw new StartError(listenError(error, variable));
    });
    const { port: bound } = server.address() as AddressInfo;
    logger.info({ port: bound }, `Listening on ${urlOf(host, bound)}`);
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    refuseToStart(error);
  }
}

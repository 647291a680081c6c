import { channel } from 'node:diagnostics_channel';
import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { openDatabase } from '@orders/postgres/database';
import { type Table, Tables } from '@orders/postgres/tables';
import { config as loadEnvFile } from 'dotenv';
import type { Logger } from 'pino';
import { GracefulShutdown } from 'request-scope';
import { listenError, urlOf } from './address.ts';
import { type ServiceConfig, StartError } from './config.ts';
import { BACKLOG, createLimitedServer } from './limits.ts';
import { neverWait } from './line-writer.ts';
import { count, createLogger } from './logger.ts';
import type { AppOptions } from './service-app.ts';

/** The time after a drain in which aborted queries can stop, and the log's reader can take the last lines. */
const CLOSE_TIMEOUT_MS = 1_000;

/** One Ctrl+C reaches a process two or three times. Only a signal that comes later than this is another one. */
const REPEATED_SIGNAL_MS = 1_000;

/**
 * Runs a service until SIGTERM or SIGINT. If DATABASE_URL is set, the service gets that database, with
 * `table` in it. A service that cannot start writes one line to stderr and exits with code 1.
 */
export async function runService<Config extends ServiceConfig>(service: {
  name: string;
  envFile: URL;
  table?: Table;
  readConfig: (env: NodeJS.ProcessEnv) => Config;
  createApp: (options: AppOptions<Config>) => RequestListener;
}): Promise<void> {
  const refuseToStart = ({ message }: Error) => {
    process.stderr.write(`${service.name}: ${message}\n`);
    process.exit(1); // The attempts to reach the database would keep the process alive.
  };
  // A write to stderr, by Node or telemetry, must neither block the service nor end it.
  neverWait(process.stderr.on('error', () => {}));
  try {
    const { DOTENV_PATH } = process.env;
    const { error } = loadEnvFile({ path: DOTENV_PATH || service.envFile, quiet: true });
    if (DOTENV_PATH && error) throw new StartError(`DOTENV_PATH cannot be read: ${error.message}`);
    const config = service.readConfig(process.env);
    const logger = createLogger(service.name, config.logLevel, config.logFormat);
    const shutdown = new GracefulShutdown();
    const { databaseUrl: url, databaseSchema, databasePasswordFile: passwordFile } = config;
    // For pg_stat_activity: which replica holds a connection or a lock.
    const applicationName = `${service.name}@${hostname()}`;
    const tables = new Tables(databaseSchema, service.table ? [service.table] : []);
    const database = url
      ? await openDatabase(url, {
          passwordFile,
          applicationName,
          tables,
          maxConnections: config.databaseConnections,
          logger,
          signal: shutdown.signal,
          onRefused: refuseToStart,
        })
      : undefined;
    const app = service.createApp({ config, logger, shutdown, database });
    const server = createLimitedServer(app);
    const { host, port, shutdownTimeoutMs, drainDelayMs, maxConnectionAgeMs } = config;
    shutdown.attach(server, { maxConnectionAgeMs: maxConnectionAgeMs || undefined });
    // Before it listens, because a supervisor may send SIGTERM as soon as the port is open.
    exitGracefully(logger, async () => {
      await shutdown.drain(shutdownTimeoutMs, drainDelayMs);
      const isLogged = new Promise<void>((resolve) => logger.flush(() => resolve()));
      await Promise.race([Promise.all([database?.close(), isLogged]), sleep(CLOSE_TIMEOUT_MS)]);
    });
    shutdown.signal.addEventListener('abort', () => {
      const { inFlight } = shutdown;
      // After the line that says why the service shuts down.
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

/**
 * Drains and exits on SIGTERM and SIGINT with code 0, and after an uncaught exception or an unhandled
 * rejection with code 1. A second signal or a second exception exits at once.
 */
function exitGracefully(logger: Logger, drain: () => Promise<void>): void {
  let begunAt: number | undefined;
  let exitCode = 0;

  const leave = async () => {
    try {
      await drain();
      await beforeExit();
    } catch (err) {
      logger.error({ err }, 'Shutdown failed');
      exitCode = 1;
    }
    process.exit(exitCode);
  };
  const begin = (reason: string) => {
    begunAt = performance.now();
    leave();
    logger.info(`Shutting down: ${reason}`);
  };
  const onSignal = (signal: NodeJS.Signals) => {
    if (begunAt === undefined) begin(signal);
    else if (performance.now() - begunAt >= REPEATED_SIGNAL_MS) exitAtOnce();
  };
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  // Node turns an unhandled rejection into an uncaught exception.
  process.on('uncaughtException', (err: unknown) => {
    logger.error({ err }, 'Uncaught exception');
    if (exitCode !== 0) exitAtOnce();
    exitCode = 1;
    if (begunAt === undefined) begin('uncaught exception');
  });
}

/** Published after a drain. The process exits once the promises that subscribers add to `waitFor` settle. */
export interface Drained {
  waitFor: Promise<unknown>[];
}

const drained = channel('chassis:drained');

async function beforeExit(): Promise<void> {
  const message: Drained = { waitFor: [] };
  drained.publish(message);
  await Promise.allSettled(message.waitFor);
}

/** Published before an exit without a drain: the last chance to write a log line. */
const cutShort = channel('chassis:cut-short');

function exitAtOnce(): never {
  cutShort.publish({});
  process.exit(1);
}

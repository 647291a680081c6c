import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { GracefulShutdown } from '@orders/cancellation';
import { config as loadEnvFile } from 'dotenv';
import { type EdgeConfig, StartError } from './config.ts';
import { createLogger, type Logger } from './logger.ts';

/** One Ctrl+C reaches a process two or three times; a signal this long after the first means now. */
const REPEATED_SIGNAL_MS = 1_000;

/**
 * What a client may take: past a timeout it gets 408, past a size 431, then it is cut. A request's
 * timeouts run from its first byte, or from the connection's start. An idle connection stays longer
 * than our clients keep it: the side that sends must be the one to close.
 */
const LIMITS = {
  maxHeaderSize: 16 * 1024,
  headersTimeout: 20_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 1_000,
  keepAliveTimeout: 10_000,
};

/** One connection more is closed unread. Node's own backlog, 511, drops some of a crowd's. */
const [MAX_CONNECTIONS, BACKLOG] = [10_000, 4_096];

export interface Service<Config extends EdgeConfig> {
  name: string;
  /** The service's own `.env`; it need not exist, and variables that are set already win. */
  envFile: URL;
  readConfig: (env: NodeJS.ProcessEnv) => Config;
  createApp: (config: Config, logger: Logger, shutdown: GracefulShutdown) => RequestListener;
}

/** Runs a service until SIGTERM or SIGINT. If it cannot start: one line on stderr, exit code 1. */
export async function runService<C extends EdgeConfig>(service: Service<C>): Promise<void> {
  try {
    loadEnvFile({ path: service.envFile, quiet: true });
    const config = service.readConfig(process.env);
    const logger = createLogger(service.name, config.logLevel, config.logFormat);
    const shutdown = new GracefulShutdown();
    const app = service.createApp(config, logger, shutdown);
    const server = createServer(LIMITS, app);
    server.maxConnections = MAX_CONNECTIONS;
    shutdown.attach(server);
    await once(server.listen({ port: config.port, backlog: BACKLOG }), 'listening').catch(
      (error: Error) => {
        throw new StartError(error.message);
      },
    );
    leaveOnSignal(logger, () => shutdown.drain(config.shutdownTimeoutMs));
    logger.info(server.address(), 'Listening');
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    process.stderr.write(`${service.name}: ${error.message}\n`);
    process.exitCode = 1;
  }
}

function leaveOnSignal(logger: Logger, drain: () => Promise<void>): void {
  let firstAt = Number.POSITIVE_INFINITY;
  const leave = async (signal: NodeJS.Signals) => {
    if (performance.now() - firstAt >= REPEATED_SIGNAL_MS) process.exit(1);
    if (firstAt !== Number.POSITIVE_INFINITY) return;
    firstAt = performance.now();
    const drained = drain();
    logger.info(`Shutting down: ${signal}`);
    await drained;
    process.exit(0);
  };
  process.on('SIGTERM', leave).on('SIGINT', leave);
}

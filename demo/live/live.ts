import { parseArgs } from 'node:util';
import { config as loadEnvFile } from 'dotenv';
import { integer } from '../../chassis/src/config.ts';
import { startLive } from './start-live.ts';

const USAGE = `Serves a page on which one click sends the same order to two systems: services
written the usual way, and these. Ctrl+C stops everything.

  npm run live                      on http://localhost:8088
  npm run live -- --as-usual=off    only these services

LIVE_PORT, set or in .env, moves it to another port.
`;

try {
  const options = {
    'as-usual': { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  } as const;
  const { 'as-usual': asUsual = 'on', help } = parseArgs({ options }).values;
  if (help) process.stdout.write(USAGE);
  else if (!['on', 'off'].includes(asUsual)) throw new Error('--as-usual must be on or off');
  else await run(asUsual === 'on');
} catch (error) {
  fail(error instanceof Error ? error.message : String(error));
}

async function run(withUsual: boolean): Promise<void> {
  loadEnvFile({ quiet: true });
  const port = integer(process.env, 'LIVE_PORT', 8_088, 65_535);
  const stop = () => live.then((started) => started[Symbol.asyncDispose]()).catch(() => {});
  // One Ctrl+C arrives more than once: from the terminal and from npm. Stopping takes a second at most.
  process.on('SIGINT', stop).on('SIGTERM', stop).on('SIGHUP', stop);
  process.stdout.on('error', stop);
  const live = startLive(port, withUsual ? ['usual', 'ours'] : ['ours'], (message) => {
    fail(message);
    stop();
  });
  const { url } = await live;
  process.stdout.write(`Open ${url}\n`);
}

function fail(message: string): void {
  process.stderr.write(`live: ${message}\n`);
  process.exitCode = 1;
}

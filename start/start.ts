import { parseArgs } from 'node:util';
import { config as loadEnvFile } from 'dotenv';
import { StartError } from '../chassis/src/config.ts';
import { neverWait } from '../chassis/src/line-writer.ts';
import { SERVICES, variableOf } from '../services.ts';
import { readConfig } from './config.ts';
import { Launcher } from './launcher.ts';
import { stateLines } from './state.ts';
import { restartOnChange } from './watch.ts';

const USAGE = `Runs the services on one terminal. Ctrl+C lets orders finish; another one, a
second later, ends all at once.

  npm start             run them
  npm run dev           the same, and restart a service when its code changes

Variables, set or in .env: ${SERVICES.map(({ name }) => variableOf(name, 'PORT')).join(', ')},
and those of the services, which docs/contract.md lists.
`;

/** One Ctrl+C arrives more than once: from the terminal and from npm. */
const REPEATED_SIGNAL_MS = 1_000;

try {
  const options = { watch: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } as const;
  const { values } = parseArgs({ options });
  if (values.help) process.stdout.write(USAGE);
  else run(values.watch === true);
} catch (error) {
  fail(error);
}

function run(isWatching: boolean): void {
  loadEnvFile({ quiet: true });
  const config = readConfig(process.env);
  const watching = new AbortController();
  let isComplete = false;
  let signaledAt: number | undefined;

  const stop = () => {
    watching.abort();
    // Without this, a suspended pager that has not read everything would keep the process alive.
    return launcher.stop().then(() => process.exit());
  };
  const launcher = new Launcher(() => {
    if (isWatching && isComplete) return;
    process.exitCode = 1;
    stop();
  }, stop);
  const onSignal = (signal: NodeJS.Signals) => {
    const what = signal === 'SIGINT' ? 'Ctrl+C' : signal;
    const then = 'orders in flight may finish; repeat it after a second to end all at once';
    if (signaledAt === undefined) launcher.print(`${what}: ${then}`);
    signaledAt ??= performance.now();
    if (performance.now() - signaledAt < REPEATED_SIGNAL_MS) return stop();
    process.exitCode = 1;
    return launcher.kill();
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal).on('SIGHUP', onSignal);
  for (const stream of [process.stdout, process.stderr]) neverWait(stream.on('error', () => {}));

  const ready = (orderUrl: string) => {
    isComplete = true;
    launcher.print(`Try: curl ${orderUrl}/order`);
    if (isWatching) restartOnChange(launcher, watching.signal);
  };
  for (const line of stateLines(config)) launcher.print(line);
  // A service that did not start has logged why, and the others are being stopped.
  launcher.start(config).then(ready, () => {});
}

function fail(error: unknown): void {
  const isOurs = error instanceof StartError || (error instanceof TypeError && 'code' in error);
  if (!isOurs) throw error;
  process.stderr.write(`start: ${error.message}\n`);
  process.exitCode = 1;
}

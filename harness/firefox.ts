import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket } from 'undici';
import { eachLine } from '../processes/each-line.ts';
import { machineVariables } from './environment.ts';
import { tether } from './tether.ts';

/** Its paths on Debian, Ubuntu and macOS. */
const PLACES = [
  '/usr/bin/firefox-esr',
  '/usr/bin/firefox',
  '/Applications/Firefox.app/Contents/MacOS/firefox',
];

/** The path of Firefox; undefined if it is not installed. */
export const firefoxPath = PLACES.find((place) => existsSync(place));

/** A page in headless Firefox. */
export interface FirefoxPage extends AsyncDisposable {
  /** Opens `url`; resolves once it has loaded. */
  open: (url: string) => Promise<void>;
  /** Resolves with the value of an expression in the page, or with what its promise resolves with. */
  evaluate: <Value>(expression: string) => Promise<Value>;
  /** Resolves with a picture of the window, a PNG. */
  screenshot: () => Promise<Buffer>;
}

/**
 * Starts headless Firefox as it is installed, and speaks WebDriver BiDi to it (https://w3c.github.io/webdriver-bidi/).
 * It ends with this process.
 *
 * @throws {Error} if Firefox is not installed or does not start.
 */
export async function startFirefox(): Promise<FirefoxPage> {
  if (!firefoxPath) throw new Error('Firefox is not installed');
  const profile = mkdtempSync(join(tmpdir(), 'firefox-'));
  const args = ['--headless', '--no-remote', '--profile', profile, '--remote-debugging-port', '0'];
  // Its home is the profile: it leaves nothing elsewhere.
  const env = { ...machineVariables(), HOME: profile };
  const child = tether(spawn(firefoxPath, args, { env, stdio: ['ignore', 'ignore', 'pipe'] }));
  const exited = new Promise<never>((_, reject) => {
    child.once('exit', () => reject(new Error('Firefox has ended')));
  });
  exited.catch(() => {});
  const address = new Promise<string>((resolve) => {
    eachLine(child.stderr, (line) => {
      const [, found] = /WebDriver BiDi listening on (\S+)/.exec(line) ?? [];
      if (found) resolve(found);
    });
  });
  const socket = new WebSocket(`${await Promise.race([address, exited])}/session`);
  await Promise.race([new Promise((resolve) => socket.addEventListener('open', resolve)), exited]);

  let commands = 0;
  /** Sends a command; resolves with its result. */
  const send = (method: string, params: object) => {
    commands += 1;
    const id = commands;
    // biome-ignore lint/suspicious/noExplicitAny: each command has a result of its own
    const result = new Promise<any>((resolve, reject) => {
      const take = ({ data }: { data: unknown }) => {
        const message = JSON.parse(String(data));
        if (message.id !== id) return;
        socket.removeEventListener('message', take);
        if (message.type === 'error') reject(new Error(`${method}: ${message.message}`));
        else resolve(message.result);
      };
      socket.addEventListener('message', take);
    });
    socket.send(JSON.stringify({ id, method, params }));
    return Promise.race([result, exited]);
  };
  await send('session.new', { capabilities: {} });
  const { context } = await send('browsingContext.create', { type: 'tab' });
  return {
    async open(url) {
      await send('browsingContext.navigate', { context, url, wait: 'complete' });
    },
    async evaluate(value) {
      const target = { context };
      const expression = `Promise.resolve(${value}).then((value) => JSON.stringify(value))`;
      const script = { expression, target, awaitPromise: true };
      const { result, exceptionDetails } = await send('script.evaluate', script);
      if (exceptionDetails) throw new Error(exceptionDetails.text);
      return result.value === undefined ? undefined : JSON.parse(result.value);
    },
    async screenshot() {
      const { data } = await send('browsingContext.captureScreenshot', { context });
      return Buffer.from(data, 'base64');
    },
    async [Symbol.asyncDispose]() {
      socket.close();
      child.kill('SIGKILL');
      await exited.catch(() => {});
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

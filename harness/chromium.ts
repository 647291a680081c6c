import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

/** Its paths on Debian, Ubuntu and macOS. */
const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/** The path of Chromium; undefined if it is not installed. */
export const chromiumPath = PLACES.find((place) => existsSync(place));

/** Starts headless Chromium with additional `options`. It ends with this process. */
export async function startChromium(...options: string[]): Promise<Browser> {
  if (!chromiumPath) throw new Error('Chromium is not installed');
  // The sandbox does not run as root, and Chromium opens no page but ours.
  const args = process.getuid?.() === 0 ? ['--no-sandbox', ...options] : options;
  return await chromium.launch({ executablePath: chromiumPath, args });
}

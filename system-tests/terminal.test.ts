import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';

const CTRL_C = '\x03';

// script(1) of util-linux lends a terminal; the one of macOS has other options.
test.skipIf(process.platform !== 'linux')(
  'one Ctrl+C in the terminal of `npm start` stops all three cleanly',
  async () => {
    const args = ['--quiet', '--flush', '--command', 'npm start', '/dev/null'];
    const terminal = spawn('script', args, { env: { ...process.env, PORT: '0' } });
    let screen = '';
    const count = (text: string) => screen.split(text).length - 1;
    terminal.stdout.setEncoding('utf8').on('data', (text) => {
      const before = count('Listening');
      screen += text;
      if (before < 3 && count('Listening') === 3) terminal.stdin.write(CTRL_C);
    });
    await once(terminal, 'close');
    expect(screen).toContain('[order]');
    expect(count('Shutting down: SIGINT')).toBe(3);
    expect(count('exited with code 0')).toBe(3);
  },
);

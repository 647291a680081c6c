import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startCommand } from '../../harness/command.ts';
import { CALLED, variableOf } from '../../services.ts';

const SOURCE = fileURLToPath(new URL('../peers/go/main.go', import.meta.url));

/** Go's version, such as `go1.19.8`, or undefined where Go is not installed. */
export const GO_VERSION = goVersion();

/** Builds bench/peers/go and starts it; resolves once it listens. */
export async function startGoProgram(stubUrl: string) {
  const folder = mkdtempSync(join(tmpdir(), 'orders-bench-go-'));
  const program = join(folder, 'order');
  try {
    execFileSync('go', ['build', '-o', program, SOURCE]);
    const urls = CALLED.map((name) => [variableOf(name, 'URL'), stubUrl]);
    const { child, closed, seen } = startCommand(program, [], Object.fromEntries(urls));
    const url = await seen(/Listening on (\S+)/);
    const end = async () => {
      child.kill('SIGKILL');
      await closed;
      rmSync(folder, { recursive: true });
    };
    return { url, [Symbol.asyncDispose]: end };
  } catch (error) {
    rmSync(folder, { recursive: true });
    throw error;
  }
}

function goVersion(): string | undefined {
  try {
    return execFileSync('go', ['env', 'GOVERSION'], { encoding: 'utf8' }).trim();
  } catch {
    return undefined;
  }
}

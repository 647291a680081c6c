import { type ChildProcess, spawn } from 'node:child_process';
import { Socket } from 'node:net';

/**
 * Reads from stdin which processes have started and ended. Once its stdin closes, because the writing process
 * has ended for any reason, it kills those that still run: a busy process would not end by itself.
 */
const GUARD = `
running=' '
while read -r event pid signal; do
  case $event in
    started) running="$running$pid:$signal " ;;
    ended) running="\${running%% $pid:*} \${running#* $pid:* }" ;;
  esac
done
for child in $running; do kill -"\${child#*:}" "\${child%:*}"; done
`;

let guardInput: Socket | undefined;

// Without this, a worker of a test runner outlives the runner.
process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'));

/**
 * Makes sure that `child` does not outlive this process, even if that is killed with SIGKILL. `signal` ends the
 * child: QUIT is for a program that then ends its own children.
 */
export function tether<Child extends ChildProcess>(
  child: Child,
  signal: 'KILL' | 'QUIT' = 'KILL',
): Child {
  const { pid } = child;
  if (pid === undefined) return child; // It did not start.
  guardInput ??= startGuard();
  const guard = guardInput;
  guard.write(`started ${pid} ${signal}\n`);
  child.once('exit', () => guard.write(`ended ${pid}\n`));
  return child;
}

/** Starts the guard in a separate process group, which a terminal's Ctrl+C does not reach. */
function startGuard(): Socket {
  const stdio = ['pipe', 'ignore', 'ignore'] as const;
  const guard = spawn('sh', ['-c', GUARD], { detached: true, stdio: [...stdio] });
  guard.unref();
  if (!(guard.stdin instanceof Socket)) throw new Error('spawned without a pipe');
  guard.stdin.unref();
  return guard.stdin;
}

import { type ChildProcess, spawn } from 'node:child_process';
import { Socket } from 'node:net';

/**
 * Reads which processes have started and ended. Its input ends with the process that writes it,
 * however that went: then it kills those that still run, which may be too busy to end by themselves.
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

// A worker of a test runner would go on without the process that started it.
process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'));

/**
 * Makes sure that `child` does not outlive this process, not even its SIGKILL. It is killed with
 * `signal`: QUIT is for what has children of its own and ends them then.
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

/** In a process group of its own, which a terminal's Ctrl+C does not reach. */
function startGuard(): Socket {
  const stdio = ['pipe', 'ignore', 'ignore'] as const;
  const guard = spawn('sh', ['-c', GUARD], { detached: true, stdio: [...stdio] });
  guard.unref();
  if (!(guard.stdin instanceof Socket)) throw new Error('spawned without a pipe');
  guard.stdin.unref();
  return guard.stdin;
}

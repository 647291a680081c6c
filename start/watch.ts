import { join, relative, sep } from 'node:path';
import { watch } from 'chokidar';
import { ROOT } from '../processes/repository.ts';
import { SERVICES } from '../services.ts';
import type { Launcher } from './launcher.ts';
import type { Service } from './service.ts';

/** An editor may write a file in several steps. */
const SETTLE_MS = 100;

/** Restarts a service when its code changes, or all services when shared code does, until `signal` aborts. */
export function restartOnChange(launcher: Launcher, signal: AbortSignal): void {
  const { services } = launcher;
  const changed = new Set<Service>();
  let busy = false;

  const restart = async () => {
    if (busy) return;
    busy = true;
    while (changed.size > 0 && !signal.aborted) {
      const restarting = [...changed];
      changed.clear();
      // A service that does not start has logged why; the next change starts it again.
      await Promise.allSettled(restarting.map((service) => launcher.restart(service)));
    }
    busy = false;
  };

  const all = Object.values(services);
  const folders = new Map<string, Service[]>([
    ...SERVICES.map(({ name }): [string, Service[]] => [`${name}-service`, [services[name]]]),
    ['request-scope', all],
    ['request-scope-pg', all],
    ['chassis', all],
    ['postgres', all],
    ['telemetry', all],
    ['request-scope-otel', all],
  ]);
  const sources = [...folders.keys()].map((folder) => join(ROOT, folder, 'src'));
  const watcher = watch(sources, { ignoreInitial: true });
  watcher.on('all', (_event, path) => {
    const [folder = ''] = relative(ROOT, path).split(sep);
    for (const service of folders.get(folder) ?? []) changed.add(service);
    setTimeout(restart, SETTLE_MS).unref();
  });
  watcher.once('ready', () => launcher.print('Watching for changes'));
  signal.addEventListener('abort', () => watcher.close(), { once: true });
}

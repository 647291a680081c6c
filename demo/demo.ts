import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { type Scene, scenes } from './scenes.ts';
import { startServices } from './services.ts';
import { colors } from './timeline.ts';

const PLAIN = { head: [], border: [] };
const USAGE = `Plays ${scenes.length} scenes with the three services, in about 30 s. Exits with 1 if a promise
was not kept.

  npm run demo -- --fast       with a quarter of the work, in about 12 s
  npm run demo -- --scene 3    one scene, 1 to ${scenes.length}
  npm run demo -- --record     write the README's pictures, from a run of
                               npm run live in Chromium`;
// The reader has closed the pipe, as `head` does. The services end with this process.
process.stdout.on('error', () => process.exit());
const print = (text: string) => process.stdout.write(`${text}\n`);

try {
  const fast = { type: 'boolean', default: false } as const;
  const help = { type: 'boolean', short: 'h' } as const;
  const { values } = parseArgs({
    options: { fast, help, record: fast, scene: { type: 'string' } },
  });
  if (values.help) print(USAGE);
  else if (values.record) await record();
  else await play(numbered(values.scene), values.fast ? 0.25 : 1);
} catch (error) {
  process.stderr.write(`demo: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}

/** The scene with that number; all scenes without one. */
function numbered(wanted?: string): [string, Scene][] {
  const all = scenes.map((scene, index): [string, Scene] => [String(index + 1), scene]);
  const chosen = all.filter(([number]) => number === (wanted ?? number));
  if (chosen.length === 0) throw new Error(`--scene must be 1 to ${scenes.length}`);
  return chosen;
}

/** Loads Chromium only when it is needed. */
async function record(): Promise<void> {
  const live = await import('./live/record.ts');
  for (const path of await live.record()) print(`${path} is written`);
}

async function play(chosen: [string, Scene][], scale: number): Promise<void> {
  const summary = new Table({ colWidths: [3, 23, 32, 10, 6], wordWrap: true, style: PLAIN });
  summary.push(['', 'scene', 'seen', 'saved', 'kept']);
  for (const [number, { title, watch, play: playScene, endless }] of chosen) {
    await using services = await startServices(scale, endless);
    print(`\n${colors.bold(`${number}. ${title}`)}\n   Watch: ${watch}\n`);
    const { kept, seen, savedMs } = await playScene(services);
    services.timeline.flush();
    const saved = savedMs === undefined ? '' : `${savedMs} ms`;
    const result = kept ? colors.green('kept') : colors.red('NOT KEPT');
    print(`\n   ${result}: ${seen}${saved && `, ${saved} of work saved`}`);
    summary.push([number, title, seen, saved, kept ? 'yes' : 'NO']);
    if (!kept) process.exitCode = 1;
  }
  print(`\n${summary}`);
}

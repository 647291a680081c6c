import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { ROOT } from '../processes/repository.ts';
import { hangUpOf, hangUpPictures } from './hang-up-picture.ts';
import { play, type Scene, scenes } from './scenes.ts';
import { placeOrder, type System, startSystem } from './services.ts';
import { type Played, summary, totals } from './summary.ts';
import { colors, printColumns, showGrowing, wrap } from './terminal.ts';
import { drawTimeline } from './timeline.ts';

const USAGE = `Plays ${scenes.length} scenes with the three services, and at the same moments with three that
are written the usual way, in about 36 s. Exits with 1 if a promise was broken.

  npm run demo -- --fast       with a quarter of the work, in about 14 s
  npm run demo -- --scene 3    one scene, 1 to ${scenes.length}
  npm run demo -- --record     plays scene 3 and a crowd, and draws
                               docs/hang-up*.svg and docs/crowd*.svg from them`;
/** The scene that the README's picture shows. */
const HANG_UP = '3';
const LEGEND = [
  '━ work that somebody waits for   ░ work for nobody',
  'The usual way: the same three services with Express and axios, and no cancellation (demo/as-usual/). Whatever happens, happens to both at once.',
];

// The reader has closed the pipe, as `head` does. The services end with this process.
process.stdout.on('error', () => process.exit());
const print = (...lines: string[]) => {
  for (const line of lines) process.stdout.write(`${wrap(line, printColumns())}\n`);
};

try {
  const fast = { type: 'boolean', default: false } as const;
  const help = { type: 'boolean', short: 'h' } as const;
  const { values } = parseArgs({
    options: { fast, help, record: fast, scene: { type: 'string' } },
  });
  if (values.help) process.stdout.write(`${USAGE}\n`);
  else if (values.record) for (const path of await record()) print(`${path} is written`);
  else await playAll(numbered(values.scene), values.fast ? 0.25 : 1);
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

async function playAll(chosen: [string, Scene][], scale: number): Promise<Played[]> {
  print(...LEGEND);
  // The last scene ends its order-service.
  await using usual = await startSystem('usual', scale);
  const played: Played[] = [];
  for (const [number, scene] of chosen) played.push(await playOne(number, scene, usual, scale));
  process.stdout.write(`\n\n${summary(played, printColumns())}\n`);
  print('', ...totals(played));
  return played;
}

async function playOne(number: string, scene: Scene, usual: System, scale: number) {
  print('', '', colors.bold(`${number}. ${scene.title}`), `   Watch: ${scene.watch}`, '');
  await using ours = await startSystem('ours', scale, scene.endless);
  const order = placeOrder({ ours, usual, scale }, `scene-${number}`, scene.budgetMs);
  const stop = showGrowing((now, columns) => drawTimeline(order, scale, now, columns));
  const outcome = await play(scene, order).finally(stop);
  if (!outcome.kept) process.exitCode = 1;
  const verdict = outcome.kept ? colors.green('✓ promise kept') : colors.red('✗ PROMISE BROKEN');
  print('', `   ${verdict}: ${outcome.seen}`);
  return { number, title: scene.title, outcome, ours: order.ours.run, usual: order.usual.run };
}

/** Writes the pictures of a run and the clip of a crowd; resolves with their paths. */
async function record(): Promise<string[]> {
  const [played] = await playAll(numbered(HANG_UP), 1);
  if (!played?.outcome.kept) throw new Error('the promise was broken, no picture is written');
  const pictures = hangUpPictures(hangUpOf(played.ours, played.usual));
  for (const [path, picture] of pictures) writeFileSync(ROOT + path, picture);
  const { recordClip } = await import('./live/record-clip.ts');
  return [...pictures.map(([path]) => path), ...(await recordClip())];
}

import { writeFileSync } from 'node:fs';
import { Scope } from 'request-scope';
import { metadataOf, THEMES } from '../../harness/picture.ts';
import { ROOT } from '../../processes/repository.ts';
import { Crowd } from './crowd.ts';
import type { CrowdFrame, Load, SideFrame } from './crowd-frame.ts';
import { afterLeftShare, queuePaths, SQUARE, squaresPath, WIDTH } from './page/crowd-picture.js';

/** A crowd as it was, one frame every `FRAME_MS`. */
export interface Recording {
  load: Load;
  frames: Record<'usual' | 'ours', SideFrame>[];
}

const FRAME_MS = 100;
/** A worker is drawn as it was in most of these samples of a frame's time. */
const SAMPLE_MS = 20;
/** How long the last frame stands before the clip begins again. */
const HOLD_MS = 4_000;

const CLIP_THEMES = { 'docs/crowd.svg': THEMES.light, 'docs/crowd-dark.svg': THEMES.dark };

export const CLIPS = Object.keys(CLIP_THEMES) as (keyof typeof CLIP_THEMES)[];

/** Writes the clip, light and dark, from a crowd that it sends. Resolves with the files' paths. */
export async function recordClip(): Promise<string[]> {
  const recording = await recordCrowd();
  for (const path of CLIPS) writeFileSync(ROOT + path, drawClip(recording, path));
  return CLIPS;
}

async function recordCrowd(): Promise<Recording> {
  const published: CrowdFrame[] = [];
  const crowd = new Crowd(['usual', 'ours'], (frame) => published.push(frame));
  using scope = new Scope();
  await crowd.run(scope);
  const last = published.at(-1);
  if (last?.phase !== 'ended') throw new Error(last?.why ?? 'the crowd has not ended');
  const at = (atMs: number) =>
    published.findLast((frame) => frame.phase !== 'starting' && frame.atMs <= atMs)?.sides ?? {};
  const frames: Recording['frames'] = [];
  for (let atMs = 0; atMs < last.atMs + FRAME_MS; atMs += FRAME_MS) {
    const times = Array.from({ length: FRAME_MS / SAMPLE_MS }, (_, n) => atMs - n * SAMPLE_MS);
    const samples = times.map(at);
    const usual = summary(samples.flatMap((sides) => sides.usual ?? []));
    const ours = summary(samples.flatMap((sides) => sides.ours ?? []));
    if (usual && ours) frames.push({ usual, ours });
  }
  return { load: last.load, frames };
}

/** The first of the samples, with each worker as it was in most of them. */
function summary(samples: SideFrame[]): SideFrame | undefined {
  const [first] = samples;
  if (!first) return undefined;
  const workers = [...first.workers].map((letter, worker) => {
    const letters = samples.map((sample) => sample.workers[worker] ?? letter);
    const count = (wanted: string) => letters.filter((each) => each === wanted).length;
    return letters.reduce((most, each) => (count(each) > count(most) ? each : most));
  });
  return { ...first, workers: workers.join('') };
}

/** The recording that a clip was drawn from. */
export const recordingOf = (clip: string): Recording => metadataOf(clip);

const SIZE = { width: 660, height: 428 };
const SCALE = SIZE.width / WIDTH;
/** Where a side begins, and how far below that its picture. */
const TOPS = { usual: 36, ours: 220 };
const PICTURE = 34;
const TITLES = { usual: 'The usual way', ours: 'This repository' };
const SIDES = ['usual', 'ours'] as const;

/**
 * An animated SVG without a script. Its frames lie one below the other on a film, which moves by one at a time. Under
 * reduced motion it stands still at the moment when the last caller has come.
 */
export function drawClip(recording: Recording, path: keyof typeof CLIP_THEMES): string {
  const { load, frames } = recording;
  const colours = CLIP_THEMES[path];
  const { width, height } = SIZE;
  const last = frames.length - 1;
  const totalMs = frames.length * FRAME_MS + HOLD_MS;
  const still = Math.min(last, Math.round((load.callers * load.everyMs) / FRAME_MS));
  const at = (frame: number) => `transform:translateY(${-frame * height}px)`;
  const marker = (id: string, size: number, body: string) =>
    `<marker id="${id}" viewBox="0 0 ${size} ${size}" markerWidth="${size}" markerHeight="${size}" markerUnits="userSpaceOnUse">${body}</marker>`;
  const square = (fill: string) =>
    `<rect width="${SQUARE}" height="${SQUARE}" rx="4" fill="${fill}"/>`;
  const idle = squaresPath('-'.repeat(load.workers), '-');
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="system-ui, -apple-system, 'Segoe UI', sans-serif" font-size="19">
<title>${titleOf(recording)}</title>
<metadata>${JSON.stringify(recording)}</metadata>
<style>
text{fill:${colours.faint};font-variant-numeric:tabular-nums}
.h{font-weight:700;font-size:21px;fill:${colours.text}}.e{text-anchor:end}
path{fill:none}.i{marker:url(#i)}.w{marker:url(#w)}.n{marker:url(#n)}.d{marker:url(#d)}.x{marker:url(#x)}
#film{${at(still)}}
@keyframes film{0%{${at(0)};animation-timing-function:steps(${last})}${((100 * last * FRAME_MS) / totalMs).toFixed(3)}%,100%{${at(last)}}}
@media (prefers-reduced-motion:no-preference){#film{animation:film ${totalMs / 1_000}s infinite}}
</style>
<defs>
<pattern id="hatch" width="8" height="8" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="8" height="8" fill="${colours.pale}"/><rect width="4" height="8" fill="${colours.bad}"/></pattern>
${marker('i', SQUARE, square(colours.idle))}
${marker('w', SQUARE, square(colours.work))}
${marker('n', SQUARE, square('url(#hatch)'))}
${marker('d', 6, `<circle r="2.6" fill="${colours.work}"/>`).replace('0 0', '-3 -3')}
${marker('x', 6, `<path d="M-2-2l4 4m0-4l-4 4" stroke="${colours.bad}" stroke-width="1.4"/>`).replace('0 0', '-3 -3')}
<clipPath id="window"><rect width="${width}" height="${height}"/></clipPath>
</defs>
<text y="19">${load.callers} callers: half leave after ${load.impatientMs / 1_000} s, half wait</text>
${SIDES.map((name) => `<text class="h" y="${TOPS[name] + 23}">${TITLES[name]}</text>${picture(name, `<path class="i" d="${idle}"/>`)}`).join('\n')}
<g clip-path="url(#window)"><g id="film">
${frames.map(frameView).join('\n')}
</g></g>
<g transform="translate(0 ${height - 20})"><rect width="16" height="16" rx="2" fill="${colours.work}"/><text x="24" y="15">somebody waits</text><rect x="190" width="16" height="16" rx="2" fill="url(#hatch)"/><text x="214" y="15">nobody waits</text></g>
</svg>
`;
}

function titleOf({ load, frames }: Recording): string {
  const told = SIDES.map((name) => {
    const side = frames.at(-1)?.[name];
    if (!side) return '';
    const { served, waited } = side;
    return `${TITLES[name]} serves ${served} of the ${waited} who wait, and ${afterLeftShare(side)} of its work is for callers who have left.`;
  });
  return `${load.callers} callers against ${load.workers} workers on each side. Half of the callers leave after ${load.impatientMs / 1_000} s. ${told.join(' ')}`;
}

const picture = (name: 'usual' | 'ours', body: string) =>
  `<g transform="translate(0 ${TOPS[name] + PICTURE})scale(${SCALE.toFixed(4)})">${body}</g>`;

function frameView(frame: Recording['frames'][number], index: number): string {
  const sides = SIDES.map((name) => sideView(name, frame[name])).join('');
  const time = `<text class="e" x="${SIZE.width}" y="19">${((index * FRAME_MS) / 1_000).toFixed(1)} s</text>`;
  return `<g transform="translate(0 ${index * SIZE.height})">${time}${sides}</g>`;
}

function sideView(name: 'usual' | 'ours', side: SideFrame): string {
  const { waits, nobody } = queuePaths(side.queue);
  const path = (kind: string, d: string) => d && `<path class="${kind}" d="${d}"/>`;
  const body = [
    path('w', squaresPath(side.workers, 'w')),
    path('n', squaresPath(side.workers, 'n')),
    path('d', waits),
    path('x', nobody),
  ];
  const bottom = TOPS[name] + PICTURE + 128;
  return `<text class="h e" x="${SIZE.width}" y="${TOPS[name] + 23}">served: ${side.served} of ${side.waited} who waited</text>${picture(name, body.join(''))}<text y="${bottom}">queue ${side.queue.length}</text><text class="e" x="${SIZE.width}" y="${bottom}">${afterLeftShare(side)} of the work for callers who had left</text>`;
}

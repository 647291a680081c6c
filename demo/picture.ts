import { writeFileSync } from 'node:fs';
import { scenes } from './scenes.ts';
import { startServices } from './services.ts';
import type { Event } from './timeline.ts';

// Plays the scene in which the client hangs up during the payment, and draws what the services logged:
// docs/hang-up.svg for a light page, docs/hang-up-dark.svg for a dark one.

const SCENE = 2;
const PAYMENT_MS = 3_000;

const LEFT = 150;
const WIDTH = 800;
const LANE_HEIGHT = 44;
const TOP = 40;
const LANES = ['client', 'order-service', 'inventory-service', 'payment-service'];

interface Colours {
  text: string;
  faint: string;
  bar: string;
  leave: string;
}
const LIGHT: Colours = { text: '#1f2328', faint: '#8c959f', bar: '#0969da', leave: '#bc4c00' };
const DARK: Colours = { text: '#e6edf3', faint: '#7d8590', bar: '#58a6ff', leave: '#f0883e' };

const [, , play, endless] = scenes[SCENE] ?? [];
if (!play) throw new Error('there is no such scene');
await using services = await startServices(1, endless);
const { kept } = await play(services);
services.timeline.flush();
if (!kept) throw new Error('the promise of the scene was not kept: nothing is drawn');
const { events } = services.timeline;
for (const [file, colours] of [
  ['hang-up.svg', LIGHT],
  ['hang-up-dark.svg', DARK],
] as const) {
  writeFileSync(new URL(`../docs/${file}`, import.meta.url), draw(events, colours));
}

function draw(all: Event[], { text, faint, bar, leave }: Colours): string {
  const at = (pattern: RegExp) => all.find(({ msg }) => pattern.test(msg))?.time ?? Number.NaN;
  const begun = at(/^Placing order/);
  const checked = at(/^Inventory check completed/);
  const left = at(/^hangs up/);
  const canceled = at(/^Order canceled/);
  const stopped = at(/^Payment processing canceled/);
  const wouldEnd = checked + PAYMENT_MS;
  const x = (time: number) => LEFT + ((time - begun) / (wouldEnd - begun)) * (WIDTH - LEFT - 20);
  const y = (lane: number) => TOP + lane * LANE_HEIGHT;
  const box = (lane: number, from: number, to: number, style: string) =>
    `<rect x="${x(from).toFixed(1)}" y="${y(lane) + 8}" width="${(x(to) - x(from)).toFixed(1)}" height="18" rx="3" ${style}/>`;
  const label = (lane: number, time: number, words: string, style = `fill="${text}"`) =>
    `<text x="${(x(time) + 8).toFixed(1)}" y="${y(lane) + 22}" ${style}>${words}</text>`;
  const seconds = [0, 1, 2, 3, 4, 5].map((second) => {
    const place = x(begun + second * 1_000).toFixed(1);
    return `<text x="${place}" y="24" text-anchor="middle" fill="${faint}">${second} s</text>`;
  });
  const bottom = TOP + LANES.length * LANE_HEIGHT + 12;
  const saved = `fill="none" stroke="${faint}" stroke-dasharray="4 4"`;
  const solid = `fill="${bar}"`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${bottom}" font-family="system-ui, sans-serif" font-size="14">`,
    '<title>A client hangs up during the payment of its order</title>',
    ...seconds,
    ...LANES.map((name, lane) => `<text x="0" y="${y(lane) + 22}" fill="${text}">${name}</text>`),
    box(0, begun, left, solid),
    label(0, left, 'hangs up', `fill="${leave}"`),
    box(1, begun, canceled, solid),
    label(1, canceled, `canceled ${canceled - left} ms later`),
    box(2, begun, checked, solid),
    label(2, checked, 'check completed'),
    box(3, checked, stopped, solid),
    box(3, stopped, wouldEnd, saved),
    label(3, stopped, `stopped ${stopped - left} ms later, then voided`),
    `<text x="${(x(stopped) + 8).toFixed(1)}" y="${y(4) + 4}" fill="${faint}">${wouldEnd - stopped} ms of work saved</text>`,
    `<line x1="${x(left).toFixed(1)}" x2="${x(left).toFixed(1)}" y1="${TOP}" y2="${bottom}" stroke="${leave}" stroke-width="1.5"/>`,
    '</svg>\n',
  ].join('\n');
}

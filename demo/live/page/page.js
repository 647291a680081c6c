// @ts-check
import { drawControls } from './controls.js';
import { mountCrowd } from './crowd.js';
import { mountDetail } from './detail.js';
import { byId } from './dom.js';
import { drawSide } from './lanes.js';
import { drawRow, listOrder } from './orders.js';
import { begin, isOpen, sideOf, sides, take } from './runs.js';
import { say, sayAgain, sayWhatHappened, welcome } from './sentence.js';

/** @import { LiveEvent } from './runs.js' */

/** The sentence is updated once nothing has changed for this long, so that a screen reader reads it as a whole. */
const SETTLE_MS = 200;

const isStill = matchMedia('(prefers-reduced-motion: reduce)');
let isChanged = false;

/** @param {LiveEvent} event */
function show(event) {
  if (event.urls) {
    begin(event.urls);
    byId('columns').replaceChildren(...sides.map(({ root }) => root));
    return welcome();
  }
  const changed = take(event);
  if (event.service === 'operator') say(sides.map(({ note }) => note).join(' '));
  for (const run of changed) {
    const side = sideOf(run);
    if (run.placed === event && side) {
      drawSide(side);
      listOrder(run);
    }
    drawRow(run);
  }
}

/** Draws every frame while a bar grows; under reduced motion, only after an event. */
function draw() {
  requestAnimationFrame(draw);
  const open = sides.flatMap(({ runs }) => [...runs.values()].filter(isOpen));
  if (!isChanged && (isStill.matches || open.length === 0)) return;
  isChanged = false;
  open.forEach(drawRow);
  sides.forEach(drawSide);
}

drawControls(byId('buttons'));
let settling = 0;
const events = new EventSource('/events');
events.addEventListener('message', ({ data }) => {
  show(JSON.parse(data));
  isChanged = true;
  clearTimeout(settling);
  settling = setTimeout(sayWhatHappened, SETTLE_MS);
});
mountCrowd(byId('crowd'))(events);
mountDetail(byId('detail'))(events);
events.addEventListener('open', sayAgain);
events.addEventListener('error', () => say('npm run live is gone; trying to reach it again.'));
draw();

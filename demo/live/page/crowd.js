// @ts-check
import { afterLeftShare, HEIGHT, queuePaths, SQUARE, squareX, WIDTH } from './crowd-picture.js';
import { html, nothing, render, svg } from './dom.js';

/** @import { CrowdFrame, SideFrame } from '../crowd-frame.ts' */
/** @typedef {'usual' | 'ours'} SideName */

const TITLE = 'A crowd against ten workers';
const TITLES = { usual: 'The usual way', ours: 'This repository' };
/** Under reduced motion the picture changes this often, in milliseconds. */
const STILL_MS = 500;

const isStill = matchMedia('(prefers-reduced-motion: reduce)');

/** @type {CrowdFrame | undefined} */
let frame;
let isLost = false;
/** The crowd that this page has sent and can stop. @type {AbortController | undefined} */
let sent;
let isScheduled = false;

/**
 * Draws the crowd into `root`. Returns a function that follows it on the page's events.
 * @param {HTMLElement} root
 */
export function mountCrowd(root) {
  root.setAttribute('aria-label', TITLE);
  const draw = () => {
    isScheduled = false;
    render(view(toggle), root);
  };
  const change = () => {
    if (isScheduled) return;
    isScheduled = true;
    if (isStill.matches && frame?.phase === 'running') setTimeout(draw, STILL_MS);
    else requestAnimationFrame(draw);
  };
  const toggle = () => {
    if (sent) return sent.abort();
    const crowd = new AbortController();
    sent = crowd;
    const forget = () => {
      sent = undefined;
      change();
    };
    fetch('/crowd', { method: 'POST', signal: crowd.signal }).then(forget, forget);
    change();
  };
  addEventListener('keydown', ({ key }) => key === 'Escape' && sent?.abort());
  draw();
  return (/** @type {EventSource} */ events) => {
    events.addEventListener('crowd', ({ data }) => {
      frame = JSON.parse(data);
      change();
    });
    const setLost = (/** @type {boolean} */ isNowLost) => {
      isLost = isNowLost;
      change();
    };
    events.addEventListener('open', () => setLost(false));
    events.addEventListener('error', () => setLost(true));
  };
}

/** @param {() => void} toggle */
function view(toggle) {
  const isOff = isLost || !frame || (!sent && ['starting', 'running'].includes(frame.phase));
  const button = sent ? 'Stop the crowd' : 'Send the crowd';
  const all = /** @type {[SideName, SideFrame][]} */ (Object.entries(frame?.sides ?? {}));
  // What the workers do while the server is gone is not known.
  const sides = isLost ? all.map(asIdle) : all;
  return html`<header>
      <h2>${TITLE}</h2>
      <button type="button" ?disabled=${isOff} @click=${toggle}>${button}</button>
    </header>
    <p class="how">${frame ? how(frame) : nothing}</p>
    <svg class="patterns" aria-hidden="true">
      <pattern id="crowd-hatch" width="8" height="8" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
        <rect class="pale" width="8" height="8" /><rect class="stripe" width="4" height="8" />
      </pattern>
      <marker id="crowd-dot" viewBox="-3 -3 6 6" markerWidth="6" markerHeight="6" markerUnits="userSpaceOnUse"><circle r="2.6" /></marker>
      <marker id="crowd-cross" viewBox="-3 -3 6 6" markerWidth="6" markerHeight="6" markerUnits="userSpaceOnUse"><path d="M-2-2l4 4m0-4l-4 4" /></marker>
    </svg>
    <div class="sides">${sides.map(([name, side]) => sideView(name, side))}</div>
    <p class="key">
      <span><svg viewBox="0 0 ${SQUARE} ${SQUARE}">${square('w', 0)}</svg> somebody waits</span>
      <span><svg viewBox="0 0 ${SQUARE} ${SQUARE}">${square('n', 0)}</svg> nobody waits</span>
      <span><i class="dot"></i> in the queue</span>
      <span><i class="cross">✕</i> in the queue for nobody</span>
    </p>
    <p class="said" aria-live="polite">${frame && !isLost ? sentence(frame, sides) : nothing}</p>`;
}

/** @type {(side: [SideName, SideFrame]) => [SideName, SideFrame]} */
const asIdle = ([name, side]) => [
  name,
  { ...side, workers: '-'.repeat(side.workers.length), queue: '' },
];

/** @param {CrowdFrame} frame */
function how({ load }) {
  const { workers, workMs, callers, everyMs, impatientMs, patientMs } = load;
  const times = +(workMs / workers / everyMs).toFixed(1);
  return html`Each side can make ${workers} payments at a time, ${seconds(workMs)} each. ${callers} callers
    come within ${seconds(callers * everyMs)}, ${times} times as many as that can serve. Half of them hang up after ${seconds(impatientMs)}; the others wait for up to ${seconds(patientMs)}.`;
}

const seconds = (/** @type {number} */ ms) => `${+(ms / 1_000).toFixed(1)}\u00a0s`;

/** @param {SideName} name @param {SideFrame} side */
function sideView(name, side) {
  const { workers, queue, served, waited } = side;
  const { waits, nobody } = queuePaths(queue);
  return html`<div class=${name} role="group" aria-label=${TITLES[name]}>
    <h3>${TITLES[name]}</h3>
    <p class="served">Served in time: <b>${served}</b> of ${waited} who have waited</p>
    <svg class="picture" viewBox="0 0 ${WIDTH} ${HEIGHT}" aria-hidden="true">
      ${[...workers].map((letter, worker) => square(letter, worker))}
      <path class="dots" d=${waits} /><path class="crosses" d=${nobody} />
    </svg>
    <p class="figures">
      <span>queue <b>${queue.length}</b></span>
      <span>work for callers who had left <b>${afterLeftShare(side)}</b></span>
    </p>
  </div>`;
}

const square = (/** @type {string} */ letter, /** @type {number} */ worker) =>
  svg`<g class="square ${letter === 'w' ? 'waits' : letter === 'n' ? 'nobody' : 'idle'}">
    <rect x=${squareX(worker)} width=${SQUARE} height=${SQUARE} rx="4" />
    <rect class="hatch" x=${squareX(worker)} width=${SQUARE} height=${SQUARE} rx="4" />
  </g>`;

/** @param {CrowdFrame} frame @param {[SideName, SideFrame][]} sides */
function sentence({ phase, why, load }, sides) {
  switch (phase) {
    case 'none':
      return 'Work for callers who have left takes the place of those who still wait.';
    case 'starting':
      return 'The services of the crowd are starting.';
    case 'running':
      return `A caller comes to each side every ${Math.round(load.everyMs)} ms.`;
    case 'ended':
      return sides.map(([name, side]) => story(TITLES[name], side)).join(' ');
    case 'failed':
      return `The crowd was stopped: ${why}.`;
  }
}

/** @param {string} title @param {SideFrame} side */
function story(title, side) {
  const { served, waited } = side;
  const whom = served === waited ? `all ${waited}` : `${served} of the ${waited}`;
  return `${title} served ${whom} who waited, and ${afterLeftShare(side)} of its work was for callers who had left.`;
}

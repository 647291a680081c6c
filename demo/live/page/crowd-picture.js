// @ts-check
// The picture of a crowd, in units of its own: the page draws it, and so does the clip in docs/.

/** @import { SideFrame } from '../crowd-frame.ts' */

export const WIDTH = 434;
export const HEIGHT = 74;
export const SQUARE = 38;
const SQUARE_PITCH = 44;
const DOT_PITCH = 7;
const DOTS_TOP = 54;
const DOTS_IN_ROW = Math.floor(WIDTH / DOT_PITCH);
const DOT_ROW_PITCH = 12;

export const squareX = (/** @type {number} */ worker) => worker * SQUARE_PITCH;

/**
 * Two paths for a queue in two rows, the next payment at the left of the upper one: through the places for which
 * somebody waits, and through the others. Each vertex is to be marked. Places beyond the second row are left out.
 * @param {string} queue
 */
export function queuePaths(queue) {
  return { waits: pathThrough(queue, 'w'), nobody: pathThrough(queue, 'n') };
}

/** @param {string} queue @param {string} letter */
function pathThrough(queue, letter) {
  const row = (/** @type {number} */ number) => {
    const places = queue.slice(number * DOTS_IN_ROW, (number + 1) * DOTS_IN_ROW);
    return pathOver(places, letter, DOT_PITCH, 3, DOTS_TOP + number * DOT_ROW_PITCH);
  };
  return row(0) + row(1);
}

/**
 * A path whose vertices are the corners of the squares of the workers with this letter.
 * @param {string} workers @param {string} letter
 */
export const squaresPath = (workers, letter) => pathOver(workers, letter, SQUARE_PITCH, 0, 0);

/**
 * A path with a vertex for each place that has the letter. Places are `pitch` apart; the first is at `x`, `y`.
 * @param {string} places @param {string} letter @param {number} pitch @param {number} x @param {number} y
 */
function pathOver(places, letter, pitch, x, y) {
  const found = [...places].flatMap((each, place) => (each === letter ? place : []));
  const steps = found.map((place, index) => `h${(place - (found[index - 1] ?? place)) * pitch}`);
  return found.length === 0 ? '' : `M${x + (found[0] ?? 0) * pitch} ${y}${steps.join('')}`;
}

/** "1.3%", "73%", "0%". @param {SideFrame} side the share of its work that was done after the caller had left */
export function afterLeftShare({ workedMs, afterLeftMs }) {
  const percent = workedMs > 0 ? (100 * afterLeftMs) / workedMs : 0;
  return `${percent.toFixed(percent > 0 && percent < 9.95 ? 1 : 0)}%`;
}

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
const DOT_ROWS = 2;
const DOT_ROW_PITCH = 12;

export const squareX = (/** @type {number} */ worker) => worker * SQUARE_PITCH;

/**
 * Two paths for a queue, the next payment at the left of the upper row: one through the places for which somebody
 * waits, one through the others. Their vertices are to be marked. Places beyond the second row are left out.
 * @param {string} queue
 */
export function queuePaths(queue) {
  return { waits: pathThrough(queue, 'w'), nobody: pathThrough(queue, 'n') };
}

/** @param {string} queue @param {string} wanted */
function pathThrough(queue, wanted) {
  let path = '';
  for (let row = 0; row < DOT_ROWS; row += 1) {
    let last = -1;
    for (const [place, letter] of [
      ...queue.slice(row * DOTS_IN_ROW, (row + 1) * DOTS_IN_ROW),
    ].entries()) {
      if (letter !== wanted) continue;
      const step = (place - last) * DOT_PITCH;
      path +=
        last < 0 ? `M${3 + place * DOT_PITCH} ${DOTS_TOP + row * DOT_ROW_PITCH}h0` : `h${step}`;
      last = place;
    }
  }
  return path;
}

/** "1.3%", "73%", "0%". @param {SideFrame} side the share of its work that was done after the caller had left */
export function afterLeftShare({ workedMs, afterLeftMs }) {
  const percent = workedMs > 0 ? (100 * afterLeftMs) / workedMs : 0;
  return `${percent.toFixed(percent > 0 && percent < 9.95 ? 1 : 0)}%`;
}

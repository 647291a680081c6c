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
 * Two paths for a queue, the next payment at the left of the upper row: dots for those for whom somebody waits,
 * to be stroked with round caps, and crosses for the others. Payments beyond the second row are not drawn.
 * @param {string} queue
 */
export function queuePaths(queue) {
  let dots = '';
  let crosses = '';
  for (const [place, letter] of [...queue.slice(0, DOTS_IN_ROW * DOT_ROWS)].entries()) {
    const x = (place % DOTS_IN_ROW) * DOT_PITCH + 3;
    const y = DOTS_TOP + Math.floor(place / DOTS_IN_ROW) * DOT_ROW_PITCH;
    if (letter === 'w') dots += `M${x} ${y}h0`;
    else crosses += `M${x - 2} ${y - 2}l4 4m0-4l-4 4`;
  }
  return { dots, crosses };
}

/** "1.3%", "73%", "0%". @param {SideFrame} side the share of its work that was done after the caller had left */
export function afterLeftShare({ workedMs, afterLeftMs }) {
  const percent = workedMs > 0 ? (100 * afterLeftMs) / workedMs : 0;
  return `${percent.toFixed(percent > 0 && percent < 9.95 ? 1 : 0)}%`;
}

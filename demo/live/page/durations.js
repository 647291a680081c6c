// @ts-check
export const seconds = (/** @type {number} */ ms) => `${(ms / 1000).toFixed(1)} s`;
export const duration = (/** @type {number} */ ms) =>
  ms < 1000 ? `${Math.round(ms)} ms` : seconds(ms);

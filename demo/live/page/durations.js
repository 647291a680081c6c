// @ts-check
export const seconds = (/** @type {number} */ ms) => `${(ms / 1000).toFixed(1)} s`;

/** A duration in words: `< 1 ms`, `16 ms`, `2.0 s`. */
export const duration = (/** @type {number} */ ms, none = '< 1 ms') => {
  if (ms < 0.5) return none;
  return ms < 999.5 ? `${Math.round(ms)} ms` : seconds(ms);
};

/** A number of milliseconds: `2,998 ms`. */
export const milliseconds = (/** @type {number} */ ms) => `${ms.toLocaleString('en')} ms`;

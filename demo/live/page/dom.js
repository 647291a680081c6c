// @ts-check
const LIBRARY = '/lit-html.js';
/** @type {typeof import('lit-html')} */
export const { html, nothing, render, svg } = await import(LIBRARY);

export const byId = (/** @type {string} */ id) =>
  /** @type {HTMLElement} */ (document.getElementById(id));

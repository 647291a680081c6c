// @ts-check
import { html, render } from './dom.js';
import { sides } from './runs.js';

/**
 * Draws the command that places an order from a terminal, for each side.
 *
 * @param {HTMLElement} root
 * @param {(text: string) => void} tell
 */
export function drawTerminal(root, tell) {
  const commands = sides.map(({ title, url }) => ({ title, curl: `curl ${url}/order` }));
  const copy = (/** @type {string} */ curl) =>
    navigator.clipboard.writeText(curl).then(
      () => tell(`Copied: ${curl}`),
      () => tell(curl),
    );
  render(
    html`<h2>From your own terminal</h2>
      <p class="faint">Run one of them, and press Ctrl+C. The order appears above: its work stops, or runs on.</p>
      <ul>
        ${commands.map(
          ({ title, curl }) =>
            html`<li>
              <span>${title}</span> <code>${curl}</code>
              <button type="button" class="small" aria-label="Copy the command for ${title}" @click=${() => copy(curl)}>copy</button>
            </li>`,
        )}
      </ul>`,
    root,
  );
}

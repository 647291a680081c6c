// @ts-check
import { isLost } from './connection.js';
import { html, render } from './dom.js';
import { sides } from './runs.js';
import { showOrder } from './shown.js';

/** A browser opens six connections to a host: one for the events, one for the other buttons, four for orders. */
const MAX_UNDER_WAY = 4;

/** When the client hangs up and when SIGTERM comes: in the middle of the payment. */
const ACTS_AFTER_MS = 3_000;

/** The requests that this page waits for. @type {Set<AbortController>} */
const underWay = new Set();
let plan = '';
let isPressed = false;
/** @type {(text: string) => void} */
let tell = () => {};
/** @type {() => void} */
let redraw = () => {};

/** Whether somebody has pressed anything. */
export const hasPressed = () => isPressed;

/** What happens next to the order that this page waits for. */
export const planned = () => (underWay.size > 0 ? plan : '');

/** Why no order can be placed, in a sentence; empty if it can. */
function whyNot() {
  if (isLost()) return 'Lost npm run live: start it again, this page reconnects.';
  if (sides.some(({ isRestarting }) => isRestarting)) return 'order-service restarts: one moment.';
  return '';
}

/** Presses a button of the server. @type {(path: string, signal?: AbortSignal) => Promise<unknown>} */
const post = (path, signal) =>
  fetch(path, { method: 'POST', ...(signal && { signal }) }).catch(() => {
    // The page itself has hung up, or the events say that the server is gone.
  });

/**
 * Sends an order, and says what comes next.
 *
 * @param {string} path
 * @param {string} next
 * @param {(client: AbortController) => void} [act] called after three seconds, if the order is still under way
 */
async function send(path, next, act) {
  const reason = whyNot();
  if (reason) return tell(reason);
  if (underWay.size >= MAX_UNDER_WAY) return tell('Four orders are under way: hang up, or wait.');
  const client = new AbortController();
  underWay.add(client);
  plan = next;
  showOrder();
  redraw();
  const timer = act && setTimeout(act, ACTS_AFTER_MS, client);
  await post(path, client.signal);
  clearTimeout(timer);
  underWay.delete(client);
  redraw();
}

/** The run that shows the difference. */
export const playHangUp = () =>
  send('/order', 'the client hangs up at 3 s.', (client) => client.abort());

const CAUSES = {
  'The client hangs up': playHangUp,
  'Its 3 s run out': () => send('/order?waitsMs=3000', 'its client waits 3 s.'),
  'The service shuts down': () => send('/order', 'SIGTERM comes at 3 s.', () => void post('/stop')),
};

/** The cause that was pressed last: its button stands out. */
let cause = 'The client hangs up';

function hangUp() {
  if (underWay.size === 0) tell('Nothing to hang up: place an order first.');
  for (const client of underWay) client.abort();
}

function reset() {
  for (const client of underWay) client.abort();
  return post('/reset');
}

const isCut = () => sides.some((side) => side.isCut);

/** @typedef {{ name: string, action: () => unknown, look?: string, isOff?: boolean }} Button */

/** @returns {[legend: string, buttons: Button[]][]} */
function groups() {
  const isOff = whyNot() !== '';
  return [
    [
      'who stops waiting?',
      Object.entries(CAUSES).map(([name, play]) => ({
        name,
        action: () => {
          cause = name;
          return play();
        },
        look: name === cause ? 'primary' : '',
        isOff,
      })),
    ],
    [
      'by hand',
      [
        { name: 'Place order', action: () => send('/order', 'now hang up (Esc).'), isOff },
        {
          name: 'Hang up',
          action: hangUp,
          look: underWay.size > 0 ? 'leave' : '',
          isOff: underWay.size === 0,
        },
      ],
    ],
    [
      'make it harder',
      [
        isCut()
          ? { name: 'Restore the network', action: () => post('/heal'), isOff: isLost() }
          : { name: 'Cut the network', action: () => post('/cut'), isOff: isLost() },
      ],
    ],
  ];
}

/** @type {(button: Button) => unknown} */
function buttonView({ name, action, look = '', isOff = false }) {
  const press = () => {
    isPressed = true;
    if (isLost()) tell(whyNot());
    else action();
  };
  // A disabled button would lose the focus, and could not say why.
  return html`<button type="button" class=${look} aria-disabled=${isOff} @click=${press}>${name}</button>`;
}

/**
 * Draws the buttons.
 *
 * @param {HTMLElement} root
 */
export function drawControls(root) {
  render(
    [
      ...groups().map(
        ([legend, buttons]) =>
          html`<fieldset><legend>${legend}</legend>${buttons.map(buttonView)}</fieldset>`,
      ),
      buttonView({ name: 'Reset', action: reset, look: 'quiet', isOff: isLost() }),
    ],
    root,
  );
}

/**
 * Draws the buttons, and takes the Escape key.
 *
 * @param {HTMLElement} root
 * @param {{ tell: (text: string) => void, redraw: () => void }} page
 */
export function mountControls(root, page) {
  ({ tell, redraw } = page);
  drawControls(root);
  addEventListener('keydown', ({ key }) => {
    if (key !== 'Escape' || isLost()) return;
    isPressed = true;
    hangUp();
  });
}

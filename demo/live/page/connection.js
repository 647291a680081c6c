// @ts-check
const RECONNECT_MS = 1_000;

/** When the connection to the page's server was lost; 0 while it is there. */
let lostAt = 0;

export const isLost = () => lostAt > 0;

/** The time up to which the page knows what has happened: it stands still while the server is gone. */
export const now = () => lostAt || Date.now();

/**
 * Follows the events of the page's server, and reconnects for as long as the page is open.
 *
 * @param {(events: EventSource) => void} attach adds the listeners to a connection
 * @param {() => void} onChange called when the server is gone, and when it is back
 */
export function follow(attach, onChange) {
  const events = new EventSource('/events');
  attach(events);
  events.addEventListener('open', () => {
    lostAt = 0;
    onChange();
  });
  events.addEventListener('error', () => {
    lostAt ||= Date.now();
    onChange();
    if (events.readyState === EventSource.CLOSED)
      setTimeout(() => follow(attach, onChange), RECONNECT_MS);
  });
}

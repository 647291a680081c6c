import type { ServerResponse } from 'node:http';

/** A line of a service's log, or an action of a client, the network or the operator. */
export interface LiveEvent {
  time: number;
  msg: string;
  [field: string]: unknown;
}
export type Publish = (event: LiveEvent) => void;

/** About fifteen crowds. Older events are dropped. */
const MAX_EVENTS = 20_000;
/** A page with more unread bytes is disconnected; it reconnects for the rest. */
const MAX_UNREAD_BYTES = 8 * 1024 * 1024;

const textOf = (id: number, event: LiveEvent) => `id: ${id}\ndata: ${JSON.stringify(event)}\n\n`;

/** The events since the last reset, for connected pages and for pages that connect later. */
export class History {
  // Ids keep growing across restarts of the server, so that a page that reconnects gets what it missed.
  #lastId = Date.now();
  #entries: { id: number; text: string }[] = [];
  #first: LiveEvent | undefined;
  readonly #readers = new Set<ServerResponse>();

  readonly publish: Publish = (event) => {
    this.#lastId += 1;
    const text = textOf(this.#lastId, event);
    this.#entries.push({ id: this.#lastId, text });
    if (this.#entries.length > MAX_EVENTS) this.#dropOldest();
    for (const reader of this.#readers) {
      reader.write(text);
      if (reader.writableLength > MAX_UNREAD_BYTES) reader.destroy();
    }
  };

  /** Drops all events and starts again with `event`. */
  reset(event: LiveEvent): void {
    this.#entries = [];
    this.#first = event;
    this.publish(event);
  }

  /** Keeps the event that everything starts with. To a later page it says that others are missing. */
  #dropOldest(): void {
    this.#entries.splice(1, 1);
    const [first] = this.#entries;
    if (!first || !this.#first) return;
    first.text = textOf(first.id, { ...this.#first, isShortened: true });
    this.#first = undefined;
  }

  /** Sends `reader` the events after `lastId`, past and future, as server-sent events. */
  follow(reader: ServerResponse, lastId: number): void {
    reader.writeHead(200, { 'Content-Type': 'text/event-stream' });
    const missed = this.#entries.filter(({ id }) => id > lastId);
    reader.write(`retry: 500\n\n${missed.map(({ text }) => text).join('')}`);
    this.#readers.add(reader);
    reader.once('close', () => this.#readers.delete(reader)).on('error', () => {});
  }

  /** Ends the connections of all pages. */
  end(): void {
    for (const reader of this.#readers) reader.end();
    this.#readers.clear();
  }
}

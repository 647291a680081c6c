import type { ServerResponse } from 'node:http';

/** A line of a service's log, or an action of a client, the network or the operator. */
export interface LiveEvent {
  time: number;
  msg: string;
  [field: string]: unknown;
}
/** Publishes an event. Those of another `type` than `message` are for another part of the page. */
export type Publish = (event: LiveEvent, type?: string) => void;

/** About six hundred orders on both sides. Older events are dropped. */
const MAX_EVENTS = 20_000;
/** A page with more unread bytes is disconnected; it reconnects for the rest. */
const MAX_UNREAD_BYTES = 8 * 1024 * 1024;

interface Entry {
  id: number;
  text: string;
}

function textOf(id: number, type: string, data: unknown): string {
  const named = type === 'message' ? '' : `event: ${type}\n`;
  return `id: ${id}\n${named}data: ${JSON.stringify(data)}\n\n`;
}

/** The events since the last reset, for connected pages and for pages that connect later. */
export class History {
  // Ids keep growing across restarts of the server, so that a page that reconnects gets what it missed.
  #lastId = Date.now();
  #entries: Entry[] = [];
  #first: LiveEvent | undefined;
  readonly #states = new Map<string, Entry>();
  readonly #readers = new Set<ServerResponse>();

  readonly publish: Publish = (event, type) => {
    this.#entries.push(this.#send(event, type));
    if (this.#entries.length > MAX_EVENTS) this.#dropOldest();
  };

  /** Publishes the state of something, as an event of that type. Pages that connect later get the latest alone. */
  publishState(type: string, state: unknown): void {
    this.#states.set(type, this.#send(state, type));
  }

  #send(data: unknown, type = 'message'): Entry {
    this.#lastId += 1;
    const id = this.#lastId;
    const text = textOf(id, type, data);
    for (const reader of this.#readers) {
      reader.write(text);
      if (reader.writableLength > MAX_UNREAD_BYTES) reader.destroy();
    }
    return { id, text };
  }

  /** Drops all events and starts again with `event`. */
  reset(event: LiveEvent): void {
    this.#entries = [];
    this.#states.clear();
    this.#first = event;
    this.publish(event);
  }

  /** Keeps the event that everything starts with. To a later page it says that others are missing. */
  #dropOldest(): void {
    this.#entries.splice(1, 1);
    const [first] = this.#entries;
    if (!first || !this.#first) return;
    first.text = textOf(first.id, 'message', { ...this.#first, isShortened: true });
    this.#first = undefined;
  }

  /** Sends `reader` the events after `lastId`, past and future, as server-sent events. */
  follow(reader: ServerResponse, lastId: number): void {
    reader.writeHead(200, { 'Content-Type': 'text/event-stream' });
    const all = [...this.#entries, ...this.#states.values()].sort((a, b) => a.id - b.id);
    const missed = all.filter(({ id }) => id > lastId);
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

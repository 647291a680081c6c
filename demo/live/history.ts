import type { ServerResponse } from 'node:http';

/** A line of a service's log, or what a client, the network or the operator did. */
export interface LiveEvent {
  time: number;
  msg: string;
  [field: string]: unknown;
}
export type Publish = (event: LiveEvent) => void;

/** Some fifteen crowds. What came before is forgotten. */
const MAX_EVENTS = 20_000;
/** A page that has fallen behind by this much is cut, and comes back for the rest. */
const MAX_UNREAD_BYTES = 8 * 1024 * 1024;

/** All that has happened since the last reset, for the pages that are there and those that come. */
export class History {
  // Ids go on growing when the server starts again: a page that comes back finds what it missed.
  #lastId = Date.now();
  #entries: { id: number; text: string }[] = [];
  readonly #readers = new Set<ServerResponse>();

  readonly publish: Publish = (event) => {
    this.#lastId += 1;
    const text = `id: ${this.#lastId}\ndata: ${JSON.stringify(event)}\n\n`;
    this.#entries.push({ id: this.#lastId, text });
    if (this.#entries.length > MAX_EVENTS) this.#entries.splice(1, 1);
    for (const reader of this.#readers) {
      reader.write(text);
      if (reader.writableLength > MAX_UNREAD_BYTES) reader.destroy();
    }
  };

  /** Forgets all, and begins anew with `event`. */
  reset(event: LiveEvent): void {
    this.#entries = [];
    this.publish(event);
  }

  /** Sends `reader` what has happened after event `lastId`, and what will, as server-sent events. */
  follow(reader: ServerResponse, lastId: number): void {
    reader.writeHead(200, { 'Content-Type': 'text/event-stream' });
    const missed = this.#entries.filter(({ id }) => id > lastId);
    reader.write(`retry: 500\n\n${missed.map(({ text }) => text).join('')}`);
    this.#readers.add(reader);
    reader.once('close', () => this.#readers.delete(reader)).on('error', () => {});
  }

  /** Nothing more will be told. */
  end(): void {
    for (const reader of this.#readers) reader.end();
    this.#readers.clear();
  }
}

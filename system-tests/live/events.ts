import { Feed } from '../../harness/feed.ts';
import type { LogLine } from '../../harness/service-process.ts';

/** An event on the page: a service's log line, or an action of a client or operator. */
export type LiveLine = LogLine & { id: string; side?: string; outcome?: string };

/** Follows the events of the page at `url` after event `lastId`, until `signal` aborts. */
export async function followEvents(url: string, signal: AbortSignal, lastId = '0') {
  const events = new Feed<LiveLine>();
  const { body } = await fetch(`${url}/events`, { headers: { 'last-event-id': lastId }, signal });
  const read = async () => {
    let text = '';
    for await (const bytes of body?.pipeThrough(new TextDecoderStream()) ?? []) {
      const parts = (text + bytes).split('\n\n');
      text = parts.pop() ?? '';
      for (const part of parts) {
        const [, id, data] = /id: (\d+)\ndata: (.*)/.exec(part) ?? [];
        if (data) events.push({ id, ...JSON.parse(data) });
      }
    }
  };
  read().catch((error) => events.end(error));
  return events;
}

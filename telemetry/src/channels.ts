import { type Channel, channel, subscribe } from 'node:diagnostics_channel';
import { type Context, diag, type Span } from '@opentelemetry/api';
import { active, contexts, contextUnder } from './context.ts';

/** The message of a tracing channel once its work has ended: Node adds the error or the result. */
export type Ended<Message> = Message & { error?: unknown };

/**
 * Calls `take` with each message on the channel `name`, and reports an error that it throws: Node would end the
 * process.
 */
export function listen<Message>(name: string, take: (message: Message) => void): void {
  subscribe(name, (message) => {
    try {
      take(message as Message);
    } catch (error) {
      diag.error(`telemetry: ${name}`, error);
    }
  });
}

/**
 * Runs the work that the tracing channel `name` reports under the span that `startSpan` returns for its
 * message, or under the current one if it returns none.
 */
export function runUnderSpan<Message>(
  name: string,
  startSpan: (message: Message) => Span | undefined,
): void {
  const started = channel(`tracing:${name}:start`) as Channel<Context, Message>;
  started.bindStore(contexts, (message) => {
    try {
      const span = startSpan(message);
      return span ? contextUnder(span) : active();
    } catch (error) {
      diag.error(`telemetry: ${name}`, error);
      return active();
    }
  });
}

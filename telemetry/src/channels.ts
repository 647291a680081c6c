import { type Channel, channel, subscribe } from 'node:diagnostics_channel';
import { type Context, diag } from '@opentelemetry/api';
import { active, contexts } from './context.ts';

/**
 * Calls `take` with each message on the channel `name`. Node ends the process where a subscriber throws:
 * a mistake of ours is reported instead, and the service goes on.
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

/** Work that is told of on the tracing channel `name` runs in the context that `enter` makes for it. */
export function enterOn<Message>(name: string, enter: (message: Message) => Context): void {
  const started = channel(`tracing:${name}:start`) as Channel<Context, Message>;
  started.bindStore(contexts, (message) => {
    try {
      return enter(message);
    } catch (error) {
      diag.error(`telemetry: ${name}`, error);
      return active();
    }
  });
}

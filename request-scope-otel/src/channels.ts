import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { diag } from '@opentelemetry/api';

/**
 * Calls `take` with each message on the channel `name`, until the returned function is called. Reports an error
 * that it throws: Node would end the process.
 */
export function listen<Message>(name: string, take: (message: Message) => void): () => void {
  const onMessage = (message: unknown) => {
    try {
      take(message as Message);
    } catch (error) {
      diag.error(`request-scope-otel: ${name}`, error);
    }
  };
  subscribe(name, onMessage);
  return () => void unsubscribe(name, onMessage);
}

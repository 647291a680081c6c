import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Span, SpanContext } from '@opentelemetry/api';

/** A request while it is served. */
export interface Served {
  req: IncomingMessage;
  res: ServerResponse;
  span: Span;
  startedAt: number;
  /** Whether the trace begins here. */
  isRoot: boolean;
  isLinked: boolean;
  /** Whether the operating system has taken the last byte of the answer. */
  isAnswered: boolean;
  /** Whether nothing more can be answered. */
  isClosed: boolean;
  /** Scopes of it that have begun and not ended. */
  openScopes: number;
  /** Why its work was canceled, and how long that had taken. */
  canceled?: { cause: string; elapsedMs: number };
  /** Why it failed; `type` is of a small fixed set. */
  failed?: { type: string; message: string };
  /** The call that was made last for it. */
  lastCall?: SpanContext;
}

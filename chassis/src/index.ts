export type { Database } from '@orders/postgres/database';
export type { Table } from '@orders/postgres/tables';
export type { Logger } from 'pino';
export { sendText } from './answers.ts';
export { answerCanceled, hasAborted } from './cancellation.ts';
export {
  durationMs,
  httpUrl,
  integer,
  readServiceConfig,
  retentionMs,
  type ServiceConfig,
} from './config.ts';
export { ExpiringMap } from './expiring-map.ts';
export {
  CALLER_KEY_HEADER,
  callerKey,
  IDEMPOTENCY_KEY_HEADER,
  idempotencyKey,
  keyHeader,
  nameAttempt,
  usedForAnotherOrder,
} from './idempotency-key.ts';
export { identifier } from './identifier.ts';
export { count } from './logger.ts';
export { nameOperation, OPERATION_HEADER, operation } from './operation.ts';
export { REQUEST_ID_HEADER, requestId, requestLogger } from './request-id.ts';
export { type Drained, runService } from './run-service.ts';
export { type AppOptions, createServiceApp, only } from './service-app.ts';

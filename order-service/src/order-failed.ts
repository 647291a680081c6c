import { causeOf, type Scope } from 'request-scope';

/** A step of an order and the service that performs it, as messages name them. */
export interface NamedStep {
  /** For example `Inventory check`. */
  step: string;
  /** For example `inventory-service`. */
  service: string;
}

interface Outcome {
  level: 'info' | 'warn';
  /** The status of the answer to our own caller; undefined if nobody is left to read it. */
  status?: 500 | 503;
  /** Whether the step may have been done anyway, if it was sent. */
  outcomeUnknown: boolean;
  message: (failed: NamedStep, detail: string) => string;
}

const CANCELED = { level: 'info', outcomeUnknown: true } as const;
const FAILED = { level: 'warn', outcomeUnknown: true, status: 500 } as const;
const REFUSED = { level: 'warn', outcomeUnknown: false, status: 500 } as const;

const unreachable: Outcome['message'] = ({ step, service }, detail) =>
  `${step} failed: ${service} is unreachable (${detail})`;
const answered: Outcome['message'] = ({ step, service }, detail) =>
  `${step} failed: ${service} answered ${detail}`;

/** Every way in which an order can fail, and what follows from each. */
const OUTCOMES = {
  'client-disconnected': { ...CANCELED, message: () => 'Order canceled: client disconnected' },
  'connection-closed': {
    ...CANCELED,
    message: () => 'Order canceled: connection closed by the service',
  },
  'shutting-down': {
    ...CANCELED,
    status: 503,
    message: () => 'Order canceled: service shutting down',
  },
  'deadline-exceeded': { ...FAILED, message: ({ step }) => `${step} failed: deadline exceeded` },
  unreachable: { ...FAILED, message: unreachable },
  unavailable: { ...REFUSED, status: 503, message: unreachable },
  'request-refused': { ...REFUSED, message: answered },
  'other-status': { ...FAILED, message: answered },
  'broken-answer': {
    ...FAILED,
    message: ({ step, service }) => `${step} failed: ${service} sent a broken answer`,
  },
  'outcome-unknown': { ...FAILED, message: () => 'Order outcome unknown: ask again with its key' },
} satisfies Record<string, Outcome>;

export type FailureKind = keyof typeof OUTCOMES;

/** An order that failed at one of its steps. `message` is the text of the answer. */
export class OrderFailed extends Error {
  readonly kind: FailureKind;
  readonly level: Outcome['level'];
  readonly status: Outcome['status'];
  readonly outcomeUnknown: boolean;

  /** `detail`: a status, or the code of an error. `wasSent`: false if no byte of the step was sent. */
  constructor(kind: FailureKind, failed: NamedStep, { detail = '', wasSent = true } = {}) {
    const { level, status, outcomeUnknown, message }: Outcome = OUTCOMES[kind];
    super(message(failed, detail));
    this.kind = kind;
    this.level = level;
    this.status = status;
    this.outcomeUnknown = outcomeUnknown && wasSent;
  }
}

/** The OrderFailed for the cancellation that is behind `error`; `error` itself if there is none. */
export function fromCancellation(
  error: unknown,
  scope: Scope,
  failed: NamedStep,
  { wasSent = true } = {},
): unknown {
  const code = causeOf(error, scope)?.code;
  return isFailureKind(code) ? new OrderFailed(code, failed, { wasSent }) : error;
}

function isFailureKind(code: string | undefined): code is FailureKind {
  return code !== undefined && Object.hasOwn(OUTCOMES, code);
}

export { CancellationSpanProcessor } from './cancellation-span-processor.ts';
export { codeLabel, type Failure, failureOfCause, type Outcome, outcomeOf } from './labels.ts';
export { type ObserveOptions, observe } from './observe.ts';

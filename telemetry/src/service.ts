import { existsSync, readFileSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Meter, Span, Tracer } from '@opentelemetry/api';
import {
  defaultResource,
  detectResources,
  envDetector,
  type Resource,
  resourceFromAttributes,
  serviceInstanceIdDetector,
} from '@opentelemetry/resources';
import type { codeLabel } from 'request-scope-otel';
import type { listen, runUnderSpan } from './channels.ts';
import type { ActiveRequest } from './context.ts';
import type { setFailure } from './labels.ts';

/** The program that is run, as an absolute path; empty with `node --eval`. */
const PROGRAM = process.argv[1] ?? '';

/** What a service needs to add its own spans and metrics, and those of its own channels. */
export interface ServiceTelemetry {
  tracer: Tracer;
  meter: Meter;
  listen: typeof listen;
  runUnderSpan: typeof runUnderSpan;
  /** The request that the running code works for. */
  currentRequest: () => ActiveRequest | undefined;
  codeLabel: typeof codeLabel;
  setFailure: typeof setFailure;
}

export type { Span };

/**
 * Calls `start` of the service's own `telemetry.ts` (or `.js`), if that file lies beside the program
 * that is run. The service does not load it, so it costs nothing while telemetry is off.
 */
export async function startServiceTelemetry(telemetry: ServiceTelemetry): Promise<void> {
  const file = join(dirname(PROGRAM), `telemetry${extname(PROGRAM)}`);
  if (!PROGRAM || !existsSync(file)) return;
  const { start } = await import(pathToFileURL(file).href);
  start?.(telemetry);
}

/** The resource of all spans and metrics, named after the package that is run unless `OTEL_SERVICE_NAME` is set. */
export function describeService(): Resource {
  return defaultResource()
    .merge(detectResources({ detectors: [serviceInstanceIdDetector] }))
    .merge(resourceFromAttributes({ 'service.name': packageOf(PROGRAM) }))
    .merge(detectResources({ detectors: [envDetector] }));
}

/** The name of the package that has the file `program`, without its scope. */
function packageOf(program: string): string {
  for (let folder = dirname(program); folder !== dirname(folder); folder = dirname(folder)) {
    const manifest = join(folder, 'package.json');
    if (!existsSync(manifest)) continue;
    const { name = '' } = JSON.parse(readFileSync(manifest, 'utf8'));
    return name.replace(/^@.*\//, '');
  }
  return 'unknown_service:node';
}

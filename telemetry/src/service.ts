import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  defaultResource,
  detectResources,
  envDetector,
  type Resource,
  resourceFromAttributes,
  serviceInstanceIdDetector,
} from '@opentelemetry/resources';

/** What sends: `OTEL_SERVICE_NAME`, or else the name of the package that is run, without its scope. */
export function describeService(): Resource {
  return defaultResource()
    .merge(detectResources({ detectors: [serviceInstanceIdDetector] }))
    .merge(resourceFromAttributes({ 'service.name': nameOf(process.argv[1] ?? '') }))
    .merge(detectResources({ detectors: [envDetector] }));
}

function nameOf(entry: string): string {
  for (let folder = dirname(entry); folder !== dirname(folder); folder = dirname(folder)) {
    const manifest = join(folder, 'package.json');
    if (!existsSync(manifest)) continue;
    const { name = '' } = JSON.parse(readFileSync(manifest, 'utf8'));
    return name.replace(/^@.*\//, '');
  }
  return 'unknown_service:node';
}

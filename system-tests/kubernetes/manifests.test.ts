import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { output } from '../../harness/command.ts';
import { ROOT } from '../../processes/repository.ts';

const FOLDER = join(ROOT, 'deploy/kubernetes');

/** The name of a patch for all Deployments. It has only some of their fields. */
const PATCH = 'every-service';

interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; labels?: Record<string, string> };
}

interface Probe {
  periodSeconds: number;
  failureThreshold: number;
}

/** What the tests read of a Deployment or StatefulSet. */
interface Workload extends Manifest {
  spec: {
    template: {
      spec: {
        terminationGracePeriodSeconds: number;
        securityContext: object;
        containers: [
          {
            env: { name: string; value: string }[];
            securityContext: object;
            livenessProbe: Probe;
            startupProbe: Probe;
          },
        ];
      };
    };
  };
}

const read = (yaml: string) => parseAllDocuments(yaml, { merge: true }).map((part) => part.toJS());

const files = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.yaml') && !file.endsWith('kustomization.yaml'))
  .map((file) => read(readFileSync(join(FOLDER, file), 'utf8')) as Manifest[]);
const namespaces = files.flat().filter(({ kind }) => kind === 'Namespace');
const workload = (wanted: string) =>
  files
    .flat()
    .find(({ metadata, ...one }) => 'spec' in one && metadata.name === wanted) as Workload;

/** What is wrong with manifests, by the types and the schema that kubernetes-models generates from Kubernetes' own. */
async function complaints(manifests: readonly Manifest[]): Promise<string> {
  const lines = manifests.map((manifest) => {
    const { apiVersion, kind, metadata } = manifest;
    const type = `import('kubernetes-models/${apiVersion}/${kind}').I${kind}`;
    const wanted = metadata.name === PATCH ? `Part<${type}>` : type;
    return `(${JSON.stringify(manifest)}) satisfies ${wanted};`;
  });
  for (const manifest of manifests) {
    if (manifest.metadata.name === PATCH) continue;
    const model = `kubernetes-models/${manifest.apiVersion}/${manifest.kind}`;
    const { [manifest.kind]: Model } = await import(/* @vite-ignore */ model);
    new Model(manifest).validate();
  }
  const part = 'type Part<T> = T extends object ? { [K in keyof T]?: Part<T[K]> } : T;';
  const folder = mkdtempSync(join(ROOT, 'node_modules/.manifests-'));
  try {
    const file = join(folder, 'manifests.ts');
    writeFileSync(file, [part, ...lines].join('\n'));
    const options = ['--ignoreConfig', '--noEmit', '--strict', '--skipLibCheck'];
    const tsc = [join(ROOT, 'node_modules/.bin/tsc'), ...options, '--module', 'nodenext', file];
    return await output(tsc, { cwd: ROOT }).catch(({ stdout }) => stdout);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const hasKubectl = await output(['kubectl', 'version', '--client']).then(
  () => true,
  () => false,
);

test('every manifest has only fields, types and values of Kubernetes 1.36', async () => {
  expect(files.flat().length).toBeGreaterThan(10);
  expect(await complaints(files.flat())).toBe('');
});

test.for(['local', 'production'])(
  'what kubectl renders of the overlay %s conforms to the schema of Kubernetes 1.36',
  async (overlay, { skip }) => {
    skip(!hasKubectl, 'there is no kubectl');
    const manifests = read(
      await output(['kubectl', 'kustomize', join(FOLDER, 'overlays', overlay)]),
    );
    expect(await complaints(manifests)).toBe('');
  },
);

test('every pod meets the Pod Security Standard "restricted"', () => {
  for (const name of [PATCH, 'postgres']) {
    const { securityContext, containers } = workload(name).spec.template.spec;
    expect(securityContext).toMatchObject({
      runAsNonRoot: true,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(containers[0].securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
  }
  const enforced = namespaces.map(({ metadata }) => metadata.labels);
  expect(enforced).toEqual([
    expect.objectContaining({ 'pod-security.kubernetes.io/enforce': 'restricted' }),
  ]);
});

test('each setting exceeds what deploy/README.md says it must', () => {
  const { spec } = workload(PATCH).spec.template;
  const [{ env, livenessProbe, startupProbe }] = spec.containers;
  const seconds = (name: string) =>
    Number(env.find((variable) => variable.name === name)?.value) / 1_000;
  const lasts = ({ periodSeconds, failureThreshold }: Probe) => periodSeconds * failureThreshold;
  const graceSeconds = spec.terminationGracePeriodSeconds;
  // Aborted requests 1 s, voids 15 s, the database 2 s, telemetry 2 s.
  const drain = seconds('DRAIN_DELAY_MS') + seconds('SHUTDOWN_TIMEOUT_MS') + 1 + 15 + 2 + 2;
  expect(graceSeconds).toBeGreaterThan(drain);
  expect(seconds('SHUTDOWN_TIMEOUT_MS')).toBeGreaterThan(2 * 5);
  expect(lasts(livenessProbe)).toBeGreaterThan(graceSeconds);
  expect(lasts(startupProbe)).toBeGreaterThan(lasts(livenessProbe));
});

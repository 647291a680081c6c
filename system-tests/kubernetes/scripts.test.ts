import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startCommand } from '../../harness/command.ts';

/** A stub of kubectl and docker: records its calls. It knows what is in the namespaces `orders` and `shared`. */
const STUB = `#!/usr/bin/env bash
printf '%s\\n' "\${0##*/} $*" >>"$CALLS"
namespace=$(grep -oP '(?<=--namespace )\\S+' <<<"$*")
case "$*" in
  "kustomize "*) cat "$2/kustomization.yaml" >"$RENDERED" && printf 'kind: StatefulSet\\n' ;;
  "get namespace new") exit 1 ;;
  "get namespace "*jsonpath*) [[ $3 != orders ]] || printf deploy/up ;;
  *" get secret database") [[ $namespace != new ]] ;;
  *" create secret "*) cat >"$PASSWORD" ;;
  *" get all,"*) printf 'configmap/kube-root-ca.crt\\n%s' "$OTHERS" ;;
  *" rollout status deployment/$BROKEN "*) exit 1 ;;
  *" get pods "*"name=$BROKEN "*) printf 'old-pod||True|\\nnew-pod||False|CrashLoopBackOff\\nlate-pod|2026|False|\\n' ;;
  *" get events "*name=new-pod*) printf 'an older warning\\nBack-off restarting\\n' ;;
  *" logs new-pod "*) printf 'CALL_TIMEOUT_MS is wrong\\n' ;;
  *"readyReplicas}") printf 3 ;;
esac
`;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'deploy-'));
  for (const name of ['kubectl', 'docker']) {
    await writeFile(join(folder, name), STUB);
    await chmod(join(folder, name), 0o755);
  }
});
afterAll(() => rm(folder, { recursive: true }));

async function deploy(script: 'up' | 'down', args: string[] = [], more: NodeJS.ProcessEnv = {}) {
  const file = (name: string) => join(folder, name);
  const read = (name: string) => readFile(file(name), 'utf8').catch(() => '');
  for (const name of ['calls', 'password', 'rendered']) await writeFile(file(name), '');
  const PATH = [folder, process.env.PATH].join(delimiter);
  const files = { CALLS: file('calls'), PASSWORD: file('password'), RENDERED: file('rendered') };
  const env = { PATH, ...files, OTHERS: '', BROKEN: 'none', TAG: 'a-tag', ...more };
  const { closed, output } = startCommand(`deploy/${script}`, args, env);
  const code = await closed;
  const calls = (await read('calls')).split('\n');
  const find = (pattern: RegExp) => calls.filter((call) => pattern.test(call));
  const [password, rendered] = [await read('password'), await read('rendered')];
  return { code, output: output(), calls, find, password, rendered };
}

describe.skipIf(process.platform === 'win32')('with a stub of kubectl and docker', () => {
  test('deploy/up deploys its images and says what runs', async () => {
    const { code, output, rendered, find } = await deploy('up');
    expect(code).toBe(0);
    expect(output).toBe(
      ['statefulset/postgres', 'deployment/inventory-service', 'deployment/order-service']
        .concat('deployment/payment-service')
        .map((name) => `${name}: 3 replicas run a-tag\n`)
        .join(''),
    );
    expect(rendered).toContain(
      '{ name: "orders/order-service", newName: "orders/order-service", newTag: "a-tag" }',
    );
    expect(find(/^docker push/)).toEqual([]);
    expect(find(/create (namespace|secret)/)).toEqual([]);
  });

  test('deploy/up pushes images that name a registry', async () => {
    const { find } = await deploy('up', [], { IMAGES: 'registry.example/shop' });
    expect(find(/^docker push .*registry\.example\/shop\/\w+-service:a-tag$/)).toHaveLength(3);
  });

  test('deploy/up makes a namespace and a password once, and the password is in no argument', async () => {
    const { calls, find, password } = await deploy('up', [], { NAMESPACE: 'new' });
    expect(password.trim()).toMatch(/^[\w+/=]{32}$/);
    expect(calls.join('\n')).not.toContain(password.trim());
    expect(find(/annotate namespace new made-by=deploy\/up$/)).toHaveLength(1);
  });

  test('deploy/up says what does not run, why, and how to undo it', async () => {
    const { code, output } = await deploy('up', [], { BROKEN: 'order-service' });
    expect(code).toBe(1);
    expect(output.split('\n').slice(-6)).toEqual([
      'deployment/order-service does not run a-tag:',
      'new-pod: CrashLoopBackOff',
      'Back-off restarting',
      'CALL_TIMEOUT_MS is wrong',
      'To undo this: kubectl --namespace orders rollout undo deployment/order-service',
      '',
    ]);
  });

  test('deploy/up refuses a folder without an overlay before it does anything', async () => {
    const { code, output, calls } = await deploy('up', ['docs']);
    expect({ code, calls }).toEqual({ code: 1, calls: [''] });
    expect(output).toBe('deploy/up: there is no kustomization.yaml in docs\n');
  });

  test('deploy/down keeps the volume, its password and the namespace, and says so', async () => {
    const { code, output, find } = await deploy('down');
    expect(code).toBe(0);
    expect(find(/ delete /)).toEqual([
      expect.stringMatching(
        / delete deployments,\S+ --selector \S+=deploy-up --cascade=foreground$/,
      ),
    ]);
    expect(output).toMatch(/^kept: the volume of the database .* and its password/);
  });

  test('deploy/down --volume says so before it removes the volume, then the namespace that deploy/up made', async () => {
    const { output, find } = await deploy('down', ['--volume']);
    expect(output).toMatch(/^removing the volume of the database, with everything in it\n/);
    expect(find(/ delete /).slice(1)).toEqual([
      'kubectl --namespace orders delete persistentvolumeclaim/data-postgres-0',
      'kubectl --namespace orders delete secrets --selector app.kubernetes.io/managed-by=deploy-up',
      'kubectl delete namespace orders',
    ]);
  });

  test('deploy/down keeps a namespace that has things of others, or that others have made', async () => {
    const used = await deploy('down', ['--volume'], { OTHERS: 'pod/theirs' });
    expect(used.find(/delete namespace/)).toEqual([]);
    expect(used.output).toMatch(/kept: the namespace orders, in which others have: pod\/theirs\n$/);
    const shared = await deploy('down', ['--volume'], { NAMESPACE: 'shared' });
    expect(shared.find(/delete namespace/)).toEqual([]);
  });

  test.each(['up', 'down'] as const)(
    'deploy/%s prints --help, and refuses an unknown option before it does anything',
    async (script) => {
      const help = await deploy(script, ['--help']);
      expect(help).toMatchObject({ code: 0, calls: [''] });
      expect(help.output).toContain(`deploy/${script}`);
      const wrong = await deploy(script, ['--frob']);
      expect(wrong).toMatchObject({ code: 1, calls: [''] });
      expect(wrong.output).toBe(`deploy/${script}: --frob is no option, --help shows them\n`);
    },
  );
});

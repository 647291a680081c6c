import { cp, mkdir, mkdtemp, readdir, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { output } from '../../harness/command.ts';
import { ROOT } from '../../processes/repository.ts';

/**
 * Makes a project folder with request-scope in its `node_modules`, from the tarball that would be published.
 * Builds a copy of the sources, so that two tests can do so at once.
 */
export async function installPacked() {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'request-scope-')));
  const source = join(folder, 'source', 'request-scope');
  const filter = (path: string) => basename(path) !== 'dist';
  await cp(join(ROOT, 'request-scope'), source, { recursive: true, filter });
  await cp(join(ROOT, 'tsconfig.base.json'), join(source, '../tsconfig.base.json'));
  await symlink(join(ROOT, 'node_modules'), join(source, '../node_modules'));
  await output(['npm', 'run', '--silent', 'build'], { cwd: source });
  const pack = ['npm', 'pack', './dist', '--silent', '--pack-destination', folder];
  await output(pack, { cwd: source });
  await rm(join(folder, 'source'), { recursive: true });

  await writeFile(join(folder, 'package.json'), '{ "type": "module" }\n');
  const [name = ''] = (await readdir(folder)).filter((file) => file.endsWith('.tgz'));
  const tarball = join(folder, name);
  const installed = join(folder, 'node_modules', 'request-scope');
  await mkdir(installed, { recursive: true });
  await output(['tar', '-xzf', tarball, '-C', installed, '--strip-components=1']);

  return {
    folder,
    installed,
    tarball,
    /** Links packages of the repository into the project. */
    async link(...packages: string[]): Promise<void> {
      for (const name of packages) {
        const place = join(folder, 'node_modules', name);
        await mkdir(dirname(place), { recursive: true });
        await symlink(join(ROOT, 'node_modules', name), place);
      }
    },
    async [Symbol.asyncDispose]() {
      await rm(folder, { recursive: true });
    },
  };
}

export type Packed = Awaited<ReturnType<typeof installPacked>>;

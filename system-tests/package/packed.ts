import { cp, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { output } from '../../harness/command.ts';
import { ROOT } from '../../processes/repository.ts';

/**
 * Packs a package of this repository into `folder`, as it would be published. Resolves with the tarball's path. Builds
 * a copy of the sources, so that two tests can do so at once.
 */
export async function pack(name: string, folder: string): Promise<string> {
  const sources = await mkdtemp(join(folder, 'source-'));
  const source = join(sources, name);
  const filter = (path: string) => !['dist', 'examples'].includes(basename(path));
  await cp(join(ROOT, name), source, { recursive: true, filter });
  const shared = ['build.js', 'tsconfig.build.json'].map((file) => `request-scope/${file}`);
  for (const file of [...shared, 'tsconfig.base.json'])
    await cp(join(ROOT, file), join(sources, file));
  await symlink(join(ROOT, 'node_modules'), join(sources, 'node_modules'));
  await output(['npm', 'run', '--silent', 'build'], { cwd: source });
  const command = ['npm', 'pack', './dist', '--silent', '--pack-destination', folder];
  const tarball = await output(command, { cwd: source });
  await rm(sources, { recursive: true });
  return join(folder, tarball);
}

/** Makes a project folder with the package in its `node_modules`, from the tarball that would be published. */
export async function installPacked(name = 'request-scope') {
  const folder = await realpath(await mkdtemp(join(tmpdir(), `${name}-`)));
  const tarball = await pack(name, folder);
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }\n');
  const installed = join(folder, 'node_modules', name);
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

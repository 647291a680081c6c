import {
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  realpath,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { output } from '../../harness/command.ts';
import { ROOT } from '../../processes/repository.ts';

/** A code block, and the file name before it, if there is one. */
const BLOCK = /^(?:`([\w./-]+)`.*\n\n)?```(\w+)\n([\s\S]*?)^```$/gm;

/** Copies the repository and applies docs/add-a-step.md to the copy. Disposing deletes it. */
export async function withAddedStep() {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'add-a-step-')));
  const ignored = new Set(['node_modules', '.git']);
  await cp(ROOT, folder, { recursive: true, filter: (path) => !ignored.has(basename(path)) });
  await linkDependencies(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  await linkDependencies(join(ROOT, 'node_modules/@orders'), join(folder, 'node_modules/@orders'));
  const page = await readFile(join(folder, 'docs/add-a-step.md'), 'utf8');
  const files = new Set<string>();
  let file = '';
  for (const [, name, language, text = ''] of page.matchAll(BLOCK)) {
    file = name ?? file;
    if (language === 'diff') await change(join(folder, file), text);
    else if (name) await create(join(folder, file), text);
    else if (/^sed /m.test(text))
      await output(['sh', '-ec', `npm() { :; }\n${text}`], { cwd: folder });
    else continue;
    if (language !== 'bash') files.add(file);
  }
  return {
    folder,
    /** The files that the page creates or changes. */
    files: [...files],
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
}

/** Links the packages in the folder `from`. Links to workspaces are copied, to point to the copy's own. */
async function linkDependencies(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const name of await readdir(from)) {
    const path = join(from, name);
    if (name !== '@orders') await symlink(await readlink(path).catch(() => path), join(to, name));
  }
}

async function create(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}

/** Applies `diff` at the only place that has its context and its removed lines. */
async function change(path: string, diff: string): Promise<void> {
  const without = (sign: string) =>
    diff.replaceAll(new RegExp(`^\\${sign}.*\\n`, 'gm'), '').replaceAll(/^[-+ ]/gm, '');
  const parts = (await readFile(path, 'utf8')).split(without('+'));
  if (parts.length !== 2) throw new Error(`${path} has ${parts.length - 1} places for\n${diff}`);
  await writeFile(path, parts.join(without('-')));
}

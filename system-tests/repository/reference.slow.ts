import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { output } from '../../harness/command.ts';
import { ROOT } from '../../processes/repository.ts';

const TYPEDOC = join(ROOT, 'docs/typedoc');
const REFERENCE = join(ROOT, 'docs/reference');

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'orders-reference-'));
  await output(['npm', 'ci', '--prefix', TYPEDOC, '--ignore-scripts']);
});
afterAll(() => rm(folder, { recursive: true }));

test.each(['request-scope', 'request-scope-pg', 'request-scope-otel'])(
  'the reference of %s is what its doc comments say; npm run reference writes it',
  async (name) => {
    const out = join(folder, name);
    const typedoc = join(TYPEDOC, 'node_modules/.bin/typedoc');
    await output([typedoc, '--options', `${name}.json`, '--out', out], { cwd: TYPEDOC });
    expect(await pages(join(REFERENCE, name))).toEqual(await pages(out));
  },
);

/** The text of each page, by its name. */
async function pages(of: string): Promise<Record<string, string>> {
  const names = (await readdir(of)).sort();
  const texts = names.map(async (name) => [name, await readFile(join(of, name), 'utf8')]);
  return Object.fromEntries(await Promise.all(texts));
}

import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ROOT } from '../../processes/repository.ts';
import { SERVICES } from '../../services.ts';

test('every service is in the list, with its default port', async () => {
  const folders = readdirSync(ROOT).filter((name) => name.endsWith('-service'));
  expect(SERVICES.map(({ name }) => `${name}-service`).sort()).toEqual(folders.sort());
  for (const { name, port } of SERVICES) {
    const { readConfig } = await import(`../../${name}-service/src/config.ts`);
    expect(readConfig({})).toMatchObject({ port });
  }
});

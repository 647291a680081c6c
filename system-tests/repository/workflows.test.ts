import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ROOT } from '../../processes/repository.ts';

const FOLDER = `${ROOT}.github/workflows/`;
const workflows = readdirSync(FOLDER).map((file) => readFileSync(FOLDER + file, 'utf8'));

test('every action is pinned to a commit, with its version beside it', () => {
  const uses = workflows.flatMap((text) => text.match(/uses: .*/g) ?? []);
  expect(uses.length).toBeGreaterThan(0);
  for (const line of uses) expect(line).toMatch(/^uses: [\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
});

test('a job that may request a token runs no code of this repository', () => {
  const jobs = workflows.flatMap((text) => text.split(/^(?= {2}[\w-]+:$)/m));
  const [publish = '', ...others] = jobs.filter((job) => job.includes('id-token: write'));
  expect(others).toEqual([]);
  expect(publish).not.toContain('actions/checkout');
  expect(publish.match(/run: .*/g)).toEqual([
    expect.stringMatching(/^run: npm publish \.\/\S+\.tgz --ignore-scripts /),
  ]);
});

import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { startCommand } from '../../harness/command.ts';
import { ROOT } from '../../processes/repository.ts';
import { scene } from '../support/scene.ts';

const { scripts }: { scripts: Record<string, string> } = JSON.parse(
  readFileSync(`${ROOT}package.json`, 'utf8'),
);
/** The scripts that run a program of this repository. */
const programs = Object.entries(scripts).filter(
  ([name, command]) => /^node run\.js \S+\.[tj]s( --\w+)?$/.test(command) && !/^pre/.test(name),
);

async function run(command: string, option: string) {
  const [, ...args] = command.split(' ');
  const { closed, output } = startCommand(process.execPath, [...args, option]);
  return { code: await closed, lines: output().trimEnd().split('\n') };
}

for (const [name, command] of programs) {
  scene(`npm run ${name}`, '--help shows its usage, an unknown option is refused', async () => {
    const help = await run(command, '--help');
    expect(help).toMatchObject({ code: 0 });
    expect(help.lines.join('\n')).toMatch(/npm (run )?\w+/);
    const columns = Math.max(...help.lines.map(({ length }) => length));
    expect(columns).toBeLessThanOrEqual(80);
    const wrong = await run(command, '--no-such-option');
    expect(wrong).toEqual({ code: 1, lines: [expect.stringMatching(/'--no-such-option'/)] });
    return `${help.lines.length} lines of ${columns} columns; ${wrong.lines[0]}`;
  });
}

import { expect } from 'vitest';
import { output, startCommand } from '../../harness/command.ts';
import { scene } from '../support/scene.ts';

for (const major of ['14', '18']) {
  scene(`Node ${major}`, 'one line reports that it is too old', async ({ skip }) => {
    const npx = ['npx', '-y', `node@${major}`, '-p', 'process.execPath'];
    const node = await output(npx).catch(() => skip(`npm cannot install node@${major}`));
    const { closed, output: said } = startCommand(node, ['run.js', 'start/start.ts']);
    expect(await closed).toBe(1);
    expect(said()).toMatch(new RegExp(`^Node 20.19 or later is needed, this is v${major}\\S+\n$`));
    return said().trim();
  });
}

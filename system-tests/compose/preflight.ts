import { once } from 'node:events';
import { createServer } from 'node:net';
import { output } from '../../harness/command.ts';
import { COMPOSE_V2, ComposeStack, PORTS, WITH_POSTGRES } from '../../harness/compose-stack.ts';

// Runs before the tests, which need a Docker Engine and three free ports. Prints one line if something is missing.

async function problem(): Promise<string | undefined> {
  try {
    await output(['docker', 'info']);
  } catch {
    return 'no Docker Engine answers `docker info`';
  }
  await new ComposeStack(COMPOSE_V2, WITH_POSTGRES).down();
  for (const port of Object.values(PORTS)) {
    const server = createServer();
    try {
      await once(server.listen(port, '127.0.0.1'), 'listening');
    } catch {
      return `port ${port} is taken, and docker-compose.yml publishes it`;
    }
    server.close();
  }
  return undefined;
}

const found = await problem();
if (found) {
  process.stderr.write(`test:compose cannot run: ${found}\n`);
  process.exitCode = 1;
}

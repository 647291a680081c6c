import { once } from 'node:events';
import { createServer } from 'node:net';
import { output } from '../harness/command.ts';
import { ComposeStack, PORTS } from '../harness/compose-stack.ts';

const stack = new ComposeStack();

/** Refuses to begin without an engine and the three ports; ends whatever is left at the end. */
export async function setup(): Promise<void> {
  await output(['docker', 'info']).catch(() => refuse('no Docker Engine answers `docker info`'));
  await stack.down();
  for (const port of Object.values(PORTS)) {
    const server = createServer();
    const listening = once(server.listen(port, '127.0.0.1'), 'listening');
    await listening.catch(() =>
      refuse(`port ${port}, which docker-compose.yml publishes, is taken`),
    );
    server.close();
  }
  // `up` would take the images of an earlier run as they are.
  await stack.compose(['build']);
}

export async function teardown(): Promise<void> {
  await stack.down();
}

function refuse(problem: string): never {
  const error = new Error(`test:compose cannot run: ${problem}`);
  error.stack = error.message;
  throw error;
}

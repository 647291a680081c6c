import { COMPOSE_V2, ComposeStack, WITH_POSTGRES } from '../../harness/compose-stack.ts';

const stack = new ComposeStack(COMPOSE_V2, WITH_POSTGRES);

/** Builds from the sources as they are: `up` would take the images of an earlier run. */
export async function setup(): Promise<void> {
  await stack.compose(['build']);
}

/** Ends what a test that was broken off has left running. */
export async function teardown(): Promise<void> {
  await stack.down();
}

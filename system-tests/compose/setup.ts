import { COMPOSE_V2, ComposeStack, WITH_POSTGRES } from '../../harness/compose-stack.ts';

const stack = new ComposeStack(COMPOSE_V2, WITH_POSTGRES);

/** Builds the current sources: `up` would use the images of an earlier run. */
export async function setup(): Promise<void> {
  await stack.compose(['build']);
}

/** Removes what an interrupted test has left running. */
export async function teardown(): Promise<void> {
  await stack.down();
}

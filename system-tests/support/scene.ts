import { type TestContext, test } from 'vitest';

declare module 'vitest' {
  interface TaskMeta {
    done?: string;
    promised?: string;
    seen?: string;
  }
}

/** Defines a test that is a row in the table at the end of the run. `look` resolves with what was seen. */
export function scene(
  done: string,
  promised: string,
  look: (context: TestContext) => Promise<string>,
  options: { timeout?: number } = {},
): void {
  test(`${done}: ${promised}`, { ...options, meta: { done, promised } }, async (context) => {
    context.task.meta.seen = await look(context);
  });
}

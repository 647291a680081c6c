/** Collects the names of process warnings instead of printing them, until it is disposed of. */
export function collectWarnings(): Disposable & { names: string[] } {
  const names: string[] = [];
  const others = process.listeners('warning');
  process.removeAllListeners('warning');
  process.on('warning', ({ name }) => names.push(name));
  return {
    names,
    [Symbol.dispose]() {
      process.removeAllListeners('warning');
      for (const listener of others) process.on('warning', listener);
    },
  };
}

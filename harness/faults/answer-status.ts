import { type Fault, head, standAlone, startFaulty } from '../faulty-server.ts';

/** Answers at once with `status`, whatever was asked. */
export function answerStatus(status: number): Fault {
  return (socket) => socket.end(head(`${status} Because`, 0));
}

await standAlone(import.meta.url, (port) =>
  startFaulty(answerStatus(Number(process.argv[3] ?? 500)), port),
);

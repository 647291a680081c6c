import { type Fault, standAlone, startFaulty } from '../faulty-server.ts';

/** Takes the request and never answers. */
export const staySilent: Fault = () => {};

await standAlone(import.meta.url, (port) => startFaulty(staySilent, port));

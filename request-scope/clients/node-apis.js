import { execFile } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { createReadStream } from 'node:fs';
import { connect } from 'node:net';
import { PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { execa } from 'execa';

/** A program that asks the far end at a port, and prints the answer. */
const ASK = `require('node:net').connect(process.argv.at(-1), '127.0.0.1').pipe(process.stdout)`;
const ASK_AS_WORKER = `const { parentPort, workerData } = require('node:worker_threads');
require('node:net').connect(workerData, '127.0.0.1').on('data', (text) => parentPort.postMessage(text))`;

const program = ({ port }) => ({ file: process.execPath, args: ['-e', ASK, String(port)] });

export function nodeApis() {
  const clients = [
    {
      name: 'timers/promises',
      far: 'local',
      endless: true,
      call: ({ signal }) => sleep(60_000, undefined, { signal }),
    },
    {
      name: 'events.once',
      far: 'local',
      prepare({ answered }) {
        const emitter = new EventEmitter();
        answered.then(() => emitter.emit('ready'));
        return { emitter };
      },
      call: ({ emitter, signal }) => once(emitter, 'ready', { signal }),
    },
    {
      name: 'net.connect',
      far: 'tcp',
      call: ({ port, signal }) => once(connect({ port, signal }), 'data'),
    },
    {
      name: 'stream.pipeline',
      far: 'tcp',
      prepare: ({ port }) => ({ source: connect(port), destination: new PassThrough().resume() }),
      call: ({ source, destination, signal }) => pipeline(source, destination, { signal }),
    },
    {
      name: 'fs.createReadStream',
      far: 'local',
      endless: true,
      prepare: () => ({ file: '/dev/zero', read: () => {} }),
      call: async ({ file, read, signal }) => {
        for await (const chunk of createReadStream(file, { signal })) read(chunk);
      },
    },
    {
      name: 'child_process.execFile',
      far: 'tcp',
      prepare: program,
      call: ({ file, args, signal }) => promisify(execFile)(file, args, { signal }),
      ownTimeouts: [
        {
          option: 'timeout',
          call: ({ file, args, signal, timeoutMs }) =>
            promisify(execFile)(file, args, { signal, timeout: timeoutMs }),
        },
      ],
    },
    {
      package: 'execa',
      far: 'tcp',
      prepare: program,
      call: ({ file, args, signal }) => execa(file, args, { cancelSignal: signal }),
      ownTimeouts: [
        {
          option: 'timeout',
          call: ({ file, args, timeoutMs }) => execa(file, args, { timeout: timeoutMs }),
        },
      ],
    },
    {
      name: 'worker_threads',
      far: 'tcp',
      prepare: ({ port }) => ({ code: ASK_AS_WORKER, options: { eval: true, workerData: port } }),
      call: ({ code, options, signal }) => {
        const worker = new Worker(code, options);
        signal.addEventListener('abort', () => worker.terminate());
        return once(worker, 'message', { signal }).finally(() => worker.terminate());
      },
    },
  ];
  return { title: 'Node', clients, close: () => {} };
}

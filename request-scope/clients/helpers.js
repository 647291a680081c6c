import PQueue from 'p-queue';
import pRetry from 'p-retry';
import pTimeout from 'p-timeout';

export function helpers() {
  const clients = [
    {
      package: 'p-queue',
      detail: 'running',
      far: 'http',
      prepare: () => ({ queue: new PQueue() }),
      call: ({ queue, url, signal }) => queue.add(() => fetch(url, { signal }), { signal }),
      bug: ({ queue, signal }) => queue.add(() => undefined.answer, { signal }),
      ownTimeouts: [
        {
          option: 'timeout',
          goesOn: true,
          call: ({ queue, url, signal, timeoutMs }) =>
            queue.add(() => fetch(url, { signal }), { signal, timeout: timeoutMs }),
        },
      ],
    },
    {
      package: 'p-queue',
      detail: 'waiting',
      far: 'local',
      prepare({ answered }) {
        const queue = new PQueue({ concurrency: 1 });
        queue.add(() => answered);
        return { queue, task: () => 'its turn' };
      },
      call: ({ queue, task, signal }) => queue.add(task, { signal }),
    },
    {
      package: 'p-retry',
      far: 'http',
      call: ({ url, signal }) => pRetry(() => fetch(url, { signal }), { signal }),
      bug: ({ signal }) => pRetry(() => undefined.answer, { signal }),
    },
    {
      package: 'p-retry',
      detail: 'before a retry',
      far: 'retry',
      prepare: ({ url }) => ({
        async attempt(signal) {
          const answer = await fetch(url, { signal });
          if (!answer.ok) throw new Error(`answered ${answer.status}`);
          return answer;
        },
      }),
      call: ({ attempt, signal }) => pRetry(() => attempt(signal), { signal }),
    },
    {
      package: 'p-retry',
      detail: 'without its signal',
      note: 'It makes all its attempts; none leaves the process.',
      far: 'http',
      call: ({ url, signal }) =>
        pRetry(() => fetch(url, { signal }), { retries: 3, minTimeout: 10 }),
    },
    {
      package: 'p-timeout',
      far: 'http',
      call: ({ url, signal }) => pTimeout(fetch(url, { signal }), { milliseconds: 5_000, signal }),
      ownTimeouts: [
        {
          option: 'milliseconds',
          goesOn: true,
          call: ({ url, signal, timeoutMs }) =>
            pTimeout(fetch(url, { signal }), { milliseconds: timeoutMs, signal }),
        },
      ],
    },
    {
      name: 'Promise.any',
      far: 'http',
      requests: 2,
      call: ({ url, signal }) => Promise.any([fetch(url, { signal }), fetch(url, { signal })]),
    },
  ];
  return { title: 'Around a call', clients, close: () => {} };
}

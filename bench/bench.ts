import { parseArgs } from 'node:util';

const USAGE = `Measures, and writes the tables into bench/RESULTS.md.

  npm run bench                  order-service beside its peers
  npm run bench -- --goodput     inventory-service when more is asked for than
                                 its database can do (10 min)
  npm run bench -- --durable     what an order costs with PostgreSQL, beside in
                                 memory
  npm run bench -- --replicas    how that grows with replicas and with orders in
                                 flight (4 min)
  … --quick                      less of it, and RESULTS.md stays

The last three need PostgreSQL's binaries on this machine, and run a server of
their own.
`;

const flag = { type: 'boolean', default: false } as const;
const kinds = { goodput: flag, durable: flag, replicas: flag };
const options = { quick: flag, ...kinds, help: { type: 'boolean', short: 'h' } } as const;

try {
  const { values } = parseArgs({ options });
  const { quick, goodput, durable, replicas, help } = values;
  const chosen = Object.keys(kinds).filter((kind) => values[kind as keyof typeof kinds]);
  if (chosen.length > 1 && !help) throw new Error(`--${chosen.join(' or --')}, not both`);
  if (help) process.stdout.write(USAGE);
  else if (goodput) await (await import('./src/goodput.ts')).runGoodput(quick);
  else if (durable) await (await import('./src/durable.ts')).runDurable(quick);
  else if (replicas) await (await import('./src/replicas.ts')).runReplicas(quick);
  else await (await import('./src/main.ts')).runBench(quick);
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}

import { parseArgs } from 'node:util';

const USAGE = `Measures, and writes the tables into bench/RESULTS.md, which git tracks.

  npm run bench                  compares order-service with its peers
                                 (4 min)
  npm run bench -- --goodput     puts inventory-service under more load than
                                 its database can take (10 min)
  npm run bench -- --draw        draws docs/goodput*.svg and docs/overload*.svg
                                 from RESULTS.md, as --goodput does at its end
  npm run bench -- --durable     compares orders in PostgreSQL with orders in
                                 memory
  … --quick                      measures less, and writes no file

--goodput and --durable need PostgreSQL's binaries on this machine, and start a
server of their own.
`;

const flag = { type: 'boolean', default: false } as const;
const options = {
  quick: flag,
  goodput: flag,
  durable: flag,
  draw: flag,
  help: { type: 'boolean', short: 'h' },
} as const;

try {
  const { quick, goodput, durable, draw, help } = parseArgs({ options }).values;
  if (help) process.stdout.write(USAGE);
  else if (draw) (await import('./src/goodput-picture.ts')).writePictures();
  else if (goodput && durable) throw new Error('--goodput or --durable, not both');
  else if (goodput) await (await import('./src/goodput.ts')).runGoodput(quick);
  else if (durable) await (await import('./src/durable.ts')).runDurable(quick);
  else await (await import('./src/main.ts')).runBench(quick);
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}

import { markdownTable } from 'markdown-table';

/** How a call ended, as request-scope/clients/try-client.js saw it. */
interface Outcome {
  /** What the client did by itself. */
  client: string;
  /** What the handler got: 'an answer', the code of a cause, or an error. */
  outcome: string;
  /** What the handler answered; undefined after a hang-up. */
  status?: number;
  /** Whether the far end stopped. */
  farEnd?: string;
}

interface OwnTimeout extends Outcome {
  option: string;
  note?: string;
}

interface Seen {
  answer?: Outcome;
  bug?: Outcome;
  bugAfterTimeout: Outcome;
  hangUp: Outcome;
  hangUpInBody?: Outcome;
  timeout: Outcome;
  timeoutInBody?: Outcome;
  ownTimeouts: OwnTimeout[];
}

/** A client, its line, and what was seen. */
interface Row {
  package?: string;
  name?: string;
  detail?: string;
  note?: string;
  goesOn?: string;
  code: string;
  /** Only an error if the client could not be tried. */
  seen: Seen | { error: string };
}

export interface Group {
  title: string;
  rows: Row[];
}

/** A package-lock.json. */
export interface Lock {
  packages: Record<string, { version?: string }>;
}

/** The rows of which something else was seen than the page says of all rows. */
export function brokenRows(groups: Group[]): Row[] {
  return groups.flatMap(({ rows }) => rows.filter((row) => !keepsPromises(row)));
}

function keepsPromises({ seen, goesOn }: Row): boolean {
  if ('error' in seen) return false;
  const are = (outcomes: (Outcome | undefined)[], outcome: string, status?: number) =>
    outcomes.every((it) => !it || (it.outcome === outcome && it.status === status));
  return (
    are([seen.answer], 'an answer', 200) &&
    are([seen.hangUp, seen.hangUpInBody], 'client-disconnected') &&
    are([seen.timeout, seen.timeoutInBody], 'deadline-exceeded', 504) &&
    are([seen.bug, seen.bugAfterTimeout], 'TypeError', 500) &&
    seen.ownTimeouts.every(({ status }) => status === 500) &&
    aborts(seen).every(({ farEnd }) => farEnd === (goesOn ? 'goes on' : 'stops'))
  );
}

const aborts = ({ hangUp, hangUpInBody, timeout, timeoutInBody }: Seen): Outcome[] =>
  [hangUp, hangUpInBody, timeout, timeoutInBody].filter((it) => it !== undefined);

const INTRODUCTION = `# Clients

What does a call need so that it stops when nobody waits for it? The table has one line for each client: the \`work\` of
\`withTimeout(scope, timeoutMs, work)\`. In it \`signal\` is the signal of the child that \`work\` gets, and \`scope\` is
that child.

A test installs the clients and runs each line in the handler of the README, against a server that holds its answer;
over HTTP/1.1 once before the headers, and once in the middle of the body. It saw the same on Node 20 and 26, and it
wrote this page: do not edit it. Of every row it saw:

- **A hang-up** ends the call at the far end, and \`causeOf\` says \`client-disconnected\`.
- **The timeout** does the same with \`deadline-exceeded\`, and the handler answers 504.
- **No retry** reaches the far end afterwards.
- **A bug stays a bug**: after a TypeError in \`work\` the handler answers 500, also if the signal has aborted.
- **The client's own timeout** is an error like any other: \`causeOf\` finds no cause, and the handler answers 500.

The columns:

- **far end**: whether the server, the database or the process stops. A call that **goes on** keeps \`withTimeout\` waiting,
  which then throws the cause.
- **by itself**: what the client does on the abort. \`withTimeout\` throws the cause in its place. A client that ends
  quietly resolves, as if it had everything.
- **own timeout**: the option, the error, and whether the far end stops. Some give up the call and leave it running.
`;

const UNSTOPPABLE = `## What no line stops

- **A query of \`sequelize\`**. Bound it with \`statement_timeout\`.
- **A command that Redis has received** on a connection that others use, too: only closing the connection ends it. Short
  commands need no signal.
- **A write that has arrived**: it may be done although its call was aborted.
- **Work that does not look up**: a loop, a synchronous driver, a task in a thread pool (\`crypto.scrypt\`, \`dns.lookup\`).

\`prisma\` and MongoDB's driver were not tried: what they need to run is not on the npm registry.
`;

const COLUMNS = ['client', 'its line', 'far end', 'by itself', 'own timeout'];

/** CLIENTS.md, with the versions of \`lock\`. */
export function clientsPage(groups: Group[], lock: Lock): string {
  const sections = groups.map(({ title, rows }) => {
    const table = markdownTable([COLUMNS, ...rows.map((row) => cells(row, lock))], {
      alignDelimiters: false,
    });
    const blocks = rows.filter(isLong).map((row) => block(row, lock));
    return [`## ${title}\n\n${table}\n`, ...blocks].join('\n');
  });
  return [INTRODUCTION, ...sections, UNSTOPPABLE].join('\n');
}

const linesOf = ({ code }: Row): string[] => {
  const body = code.slice(code.indexOf('=>') + 2).trim();
  const lines = body.startsWith('{') ? body.slice(1, -1).trim().split('\n') : body.split('\n');
  const indent = Math.min(...lines.slice(1).map((line) => line.search(/\S/)));
  return lines.map((line, index) => (index === 0 ? line : line.slice(indent)));
};

const isLong = (row: Row) => linesOf(row).length > 1;

function nameOf({ package: packageName, name, detail }: Row, { packages }: Lock): string {
  const version = packages[`node_modules/${packageName}`]?.version;
  const client = packageName ? `\`${packageName}\` ${version}` : `\`${name}\``;
  return detail ? `${client}, ${detail}` : client;
}

function block(row: Row, lock: Lock): string {
  const note = row.note ? ` ${row.note}` : '';
  return `${nameOf(row, lock)}.${note}\n\n\`\`\`js\n${linesOf(row).join('\n')}\n\`\`\`\n`;
}

function cells(row: Row, lock: Lock): string[] {
  const { seen, note, goesOn } = row;
  if ('error' in seen) throw new Error(seen.error);
  const line = isLong(row) ? 'below' : `\`${linesOf(row)}\``;
  return [
    nameOf(row, lock),
    note && !isLong(row) ? `${line}<br>${note}` : line,
    goesOn ? `**goes on**: ${goesOn}` : 'stops',
    [...new Set(aborts(seen).map(byItself))].join(', or '),
    seen.ownTimeouts.map(ownTimeout).join('<br>'),
  ];
}

function byItself({ client }: Outcome): string {
  if (client === 'the cause') return 'throws the cause';
  return client === 'ends quietly' ? client : `\`${client}\``;
}

function ownTimeout({ option, note, client, farEnd }: OwnTimeout): string {
  const name = note ? `\`${option}\`, ${note}` : `\`${option}\``;
  return `${name}: \`${client}\`, ${farEnd === 'goes on' ? '**goes on**' : farEnd}`;
}

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

How does a call stop with the client that you have? Each row shows its line: what \`work\` does in
\`withTimeout(parent, timeoutMs, work)\`. There \`scope\` is the child that \`work\` gets, and \`signal\` is
\`scope.signal\`. All other names are yours.

A test installs these versions, runs each line in the README's handler against a server that holds its answer, and
writes this page: do not edit it. Over HTTP/1.1 the server holds it once before the headers and once within the body.
Node 20 and 26 give the same results. In every row:

- **The request's client hangs up**: \`causeOf\` says \`client-disconnected\`.
- **The timeout of \`withTimeout\` passes**: \`causeOf\` says \`deadline-exceeded\`, and the handler answers 504.
- **No retry** reaches the far end after either.
- **A TypeError in \`work\`** stays a bug, also after an abort: the handler answers 500.
- **The client's own timeout** is an error of the client: \`causeOf\` finds no cause, and the handler answers 500.
  Leave the time to \`withTimeout\`.

The columns:

- **far end**: whether the server, database or process stops. While a call **goes on**, \`withTimeout\` waits for it. Then
  it throws the cause.
- **by itself**: what the client does when the signal aborts; \`withTimeout\` throws the cause instead. A client that
  ends quietly looks as if it had read everything.
- **own timeout**: the option, the client's error, and whether the far end stops.
`;

const UNSTOPPABLE = `## What no line stops

- **A query of \`sequelize\`**: bound it with \`statement_timeout\`.
- **A command that Redis has received**, unless you close its connection. Short commands need no signal.
- **A write that has arrived**: it may be done although its call was aborted.
- **Work that does not look at a signal**: a loop, a synchronous driver, \`crypto.scrypt\`, \`dns.lookup\`.

Two were not tried: \`prisma\` downloads an engine, and \`mongodb\` needs a server that Debian does not have.
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

import { destination, type Logger, pino, stdTimeFunctions } from 'pino';

/** Columns that a pretty line may take, and those before its message: time and level. */
const MAX_COLUMNS = 120;
const PREFIX_COLUMNS = 22;

const SHORT_ID_LENGTH = 8;

/**
 * A logger to stdout; `format`: `json`, one object a line, or `pretty`, for people. Each line is
 * written before the call returns: what was answered has its line, also after a SIGKILL, and an exit
 * has nothing to flush, into a pipe that nobody reads any more for instance.
 */
export async function createLogger(
  service: string,
  level: string,
  format: string,
): Promise<Logger> {
  const options = { level, base: { service }, timestamp: stdTimeFunctions.epochTime };
  if (format === 'json') return pino(options, destination({ sync: true }));
  const { build: prettyStream } = await import('pino-pretty');
  const look = { include: 'time,level,err', singleLine: true, translateTime: 'SYS:HH:MM:ss.l' };
  return pino(options, prettyStream({ ...look, messageFormat, sync: true }));
}

/** The message, why and when its work ended, and the head of the request's id; JSON has the rest. */
function messageFormat(line: Record<string, unknown>): string {
  const { msg, cause, elapsedMs, requestId, traceUrl } = line;
  const ended = cause === undefined ? '' : ` (${cause}, ${elapsedMs} ms)`;
  const id = requestId === undefined ? '' : ` ${String(requestId).slice(0, SHORT_ID_LENGTH)}`;
  const room = MAX_COLUMNS - PREFIX_COLUMNS - ended.length - id.length;
  const message = String(msg);
  const shown = message.length <= room ? message : `${message.slice(0, room - 1)}…`;
  // Whoever traces adds it, to the first line of a request.
  const link = traceUrl === undefined ? '' : `\n${' '.repeat(PREFIX_COLUMNS)}${traceUrl}`;
  return `${shown}${ended}${id}${link}`;
}

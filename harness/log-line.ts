/** A line of a service's log. */
export interface LogLine {
  level: number;
  time: number;
  service: string;
  msg: string;
  requestId?: string;
  cause?: string;
  elapsedMs?: number;
  [field: string]: unknown;
}

/** What a line must have. */
export type LogQuery = Partial<LogLine>;

/** Whether the line has all that is asked for. */
export function matches(line: LogLine, query: LogQuery): boolean {
  return Object.entries(query).every(([field, wanted]) => line[field] === wanted);
}

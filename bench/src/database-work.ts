/** When a query began and ended, as Unix times in milliseconds. */
export interface Work {
  startedAt: number;
  endedAt: number;
}

/** The PostgreSQL settings whose log DatabaseWork reads. */
export const LOG_SETTINGS = {
  log_statement: 'all',
  log_duration: 'on',
  log_line_prefix: '%n %p ',
  log_parameter_max_length: '100',
};

const LINE = /^(\d+\.\d+) (\d+) (.*)$/;
const PARAMETERS = /^DETAIL: {2}parameters: \$1 = '([^']*)'/i;
const END = /^LOG: {2}duration: |^(ERROR|FATAL): /;

/**
 * When the database began and ended each query, by its first parameter, according to its own log. Includes queries
 * that were stopped, and queries whose client has gone.
 */
export class DatabaseWork {
  readonly byParameter = new Map<string, Work>();
  readonly #running = new Map<string, { parameter: string; startedAt: number }>();

  /** Reads the next line of the log. */
  read(line: string): void {
    const [, seconds = '', process = '', message = ''] = LINE.exec(line) ?? [];
    const at = Number(seconds) * 1_000;
    const parameter = PARAMETERS.exec(message)?.[1];
    const running = this.#running.get(process);
    if (parameter !== undefined) this.#running.set(process, { parameter, startedAt: at });
    else if (running && END.test(message)) {
      this.#running.delete(process);
      this.byParameter.set(running.parameter, { startedAt: running.startedAt, endedAt: at });
    }
  }
}

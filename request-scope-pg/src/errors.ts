/** An error that Express and http-errors answer with 503 and `Retry-After`. */
abstract class RetryLater extends Error {
  readonly status = 503;
  readonly statusCode = 503;
  readonly expose = true;
  readonly headers = { 'Retry-After': '1' };
  /** False if the statement was certainly not done: it was never sent, or it was rolled back. */
  abstract readonly mayBeDone: boolean;
}

/** The server cannot be reached, the connection was lost, or the server refuses for now what it usually does. */
export class DatabaseUnavailable extends RetryLater {
  override readonly name = 'DatabaseUnavailable';
  /** The reason in one word: `ECONNREFUSED`, or an SQLSTATE. */
  readonly code: string;

  readonly mayBeDone: boolean;

  /**
   * @param cause pg's error.
   * @param mayBeDone whether the statement may have been done.
   */
  constructor(code: string, cause: Error, mayBeDone = true) {
    super('Database unavailable', { cause });
    this.code = code;
    this.mayBeDone = mayBeDone;
  }
}

/** The queue for a connection is full, or the wait in it took too long. Nothing was sent. */
export class TooManyWaiting extends RetryLater {
  override readonly name = 'TooManyWaiting';
  override readonly message = 'Too many queries wait for the database';
  readonly code = 'too-many-waiting';
  readonly mayBeDone = false;
}

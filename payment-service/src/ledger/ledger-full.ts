import createError from 'http-errors';

/** The answer where there is no room to remember one payment more: nothing was forgotten for it. */
export function ledgerFull(): Error {
  return createError(503, 'Too many payments to remember', { headers: { 'Retry-After': '1' } });
}

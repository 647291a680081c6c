const METHODS = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'CONNECT',
  'TRACE',
]);
const MAX_VALUES = 50;

/** The method as the conventions have it: what is not known is `_OTHER`. */
export function methodLabel(method = ''): string {
  return METHODS.has(method) ? method : '_OTHER';
}

const seen = new Set<string>();

/** A code as a label. Whatever codes there come to be, of so many different ones the rest is `other`. */
export function codeLabel(code: string): string {
  if (seen.has(code)) return code;
  if (seen.size >= MAX_VALUES || !/^[A-Za-z0-9_.-]{1,60}$/.test(code)) return 'other';
  seen.add(code);
  return code;
}

import { stripVTControlCharacters } from 'node:util';
import { expect, onTestFinished, test, vi } from 'vitest';
import { type Output, printColumns, showGrowing, wrap } from '../terminal.ts';

/** An output that remembers what was written to it. */
function output(isTTY: boolean, columns = 80): Output & { written: string[] } {
  const written: string[] = [];
  return { isTTY, columns, written, write: (text) => written.push(text) };
}

test('on a terminal the bars grow: lines are drawn again over the previous ones', () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const terminal = output(true);
  const stop = showGrowing((now) => ['axis', '━'.repeat((now / 100) % 5)], terminal);
  vi.advanceTimersByTime(300);
  expect(terminal.written).toHaveLength(3);
  stop();
  vi.advanceTimersByTime(300);
  expect(terminal.written).toHaveLength(4);
  const [first, ...later] = terminal.written;
  expect(first).not.toContain('\u001b[2A');
  for (const text of later) expect(text.startsWith('\u001b[2A')).toBe(true);
  for (const text of terminal.written)
    expect(stripVTControlCharacters(text)).toMatch(/^axis\n━*\n$/);
});

test.each([
  ['a pipe', output(false)],
  ['a terminal that is too narrow', output(true, 40)],
])('in %s the bars are printed once, whole, without a control code', (_, narrow) => {
  const stop = showGrowing(() => ['axis', '━━'], narrow);
  expect(narrow.written).toEqual([]);
  stop();
  expect(narrow.written).toEqual(['axis\n━━\n']);
});

test('text is broken between words, and stays indented', () => {
  expect(wrap('   one two three', 10)).toBe('   one two\n   three');
  expect(wrap('', 10)).toBe('');
});

test.each([
  ['a pipe', output(false, 200), 80],
  ['a terminal', output(true, 90), 90],
  ['a wide terminal', output(true, 300), 110],
  ['a terminal that does not tell its width', output(true, 0), 80],
])('%s is written in columns that it has', (_, stdout, columns) => {
  expect(printColumns(stdout)).toBe(columns);
});

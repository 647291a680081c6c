import { expect, test } from 'vitest';
import { cardOf, PLACES, readCodeCards } from '../../demo/live/code-cards.ts';

test('the code cards show the two handlers as they are, and mark the line that makes the difference', () => {
  const [usual, ours] = readCodeCards();
  expect(usual?.lines[0]).toMatch(/^app\.get\('\/order'/);
  expect(usual?.lines[usual.marked]).toMatch(/payment\.post/);
  expect(usual?.lines[usual.marked]).not.toMatch(/signal/);
  expect(ours?.lines[0]).toMatch(/^export async function call\(/);
  expect(ours?.lines[ours.marked]).toMatch(/signal/);
  for (const card of [usual, ours]) expect(card?.lines.at(-1)).toMatch(/^}/);
});

test('a line that is gone is named', () => {
  const [place] = PLACES;
  if (!place) throw new Error('no place');
  const source = "app.get('/order', async (req, res) => {\n});\n";
  expect(() => cardOf(source, place)).toThrow(/order-service\.ts: no line has await payment\.post/);
  expect(() => cardOf('', place)).toThrow(/no line has/);
});

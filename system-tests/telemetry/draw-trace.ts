import type { ReceivedSpan } from '../../harness/otlp-receiver.ts';

const LEFT = 270;
const WIDTH = 950;
const RIGHT = 260;
const ROW = 26;
const TOP = 34;

/** Legible on a light and on a dark page. */
const COLOURS = { text: '#768390', work: '#1f78d1', canceled: '#d9730d', error: '#cf222e' };

/** Draws a trace as an SVG with one row per span, children indented under their parents. */
export function drawTrace(spans: ReceivedSpan[]): string {
  const [root] = spans;
  const begin = Math.min(...spans.map(({ startMs }) => startMs));
  const end = Math.max(...spans.map(({ endMs }) => endMs));
  const x = (ms: number) => LEFT + ((ms - begin) / (end - begin)) * (WIDTH - LEFT - RIGHT);
  const rows = root ? inOrder(spans, root.parentId) : [];
  const drawn = rows.map(({ span, depth }, row) => {
    const { service, kind, name, startMs, endMs, status, attributes } = span;
    const y = TOP + row * ROW;
    const cause = attributes['request_scope.cause'];
    const saved = attributes['request_scope.saved_ms'];
    const colour = status === 'error' ? 'error' : cause ? 'canceled' : 'work';
    const words = [
      cause,
      saved && `saved ${saved} ms`,
      span.links.length > 0 && 'linked to the payment',
    ].filter(Boolean);
    const label = kind === 'client' ? `call: ${name}` : `${service}: ${name}`;
    const from = x(startMs);
    const width = Math.max(2, x(endMs) - from);
    const text = (x: number, content: string) =>
      `<text x="${x.toFixed(1)}" y="${y + 14}" fill="${COLOURS.text}">${content}</text>`;
    return [
      text(4 + depth * 16, label),
      `<rect x="${from.toFixed(1)}" y="${y + 3}" width="${width.toFixed(1)}" height="14" rx="2" fill="${COLOURS[colour]}"/>`,
      ...(words.length > 0 ? [text(from + width + 6, words.join(', '))] : []),
    ].join('\n');
  });
  const height = TOP + rows.length * ROW + 8;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif" font-size="13">`,
    '<title>The trace of an order whose client hung up during the payment</title>',
    `<text x="4" y="18" fill="${COLOURS.text}">one trace, ${Math.round(end - begin)} ms</text>`,
    ...drawn,
    '</svg>\n',
  ].join('\n');
}

function inOrder(
  spans: ReceivedSpan[],
  parentId: string,
  depth = 0,
): { span: ReceivedSpan; depth: number }[] {
  return spans
    .filter((span) => span.parentId === parentId)
    .flatMap((span) => [{ span, depth }, ...inOrder(spans, span.spanId, depth + 1)]);
}

const escapeCharacter = String.fromCharCode(27);
const sequence = new RegExp(`${escapeCharacter}\\[(\\d*)m`, 'g');

/** One stretch of text in one style. */
interface Span {
  readonly text: string;
  readonly style: string;
}

const colours: Readonly<Record<string, string>> = {
  '31': 'fill:#f47067',
  '32': 'fill:#8ddb8c',
  '33': 'fill:#f0c674',
  '36': 'fill:#76c7d0',
};
const marks: Readonly<Record<string, string>> = { '1': 'font-weight:bold', '2': 'opacity:0.6' };
const cell = { width: 8.43, height: 19 };
const border = { x: 22, top: 52, bottom: 22 };

/**
 * A terminal with these lines as an SVG image; colours as SGR escape sequences (ECMA-48), as far as the command line
 * uses them. Longer lines than `columns` are cut.
 */
export function terminalSvg(title: string, lines: readonly string[], columns: number): string {
  const width = Math.ceil(border.x * 2 + columns * cell.width);
  const height = border.top + lines.length * cell.height + border.bottom;
  const rows = lines.map((line, index) => {
    const spans = placed(cut(spansOf(line), columns)).map(({ text, style, column }) => {
      const attribute = style === '' ? '' : ` style="${style}"`;
      return `<tspan x="${(border.x + column * cell.width).toFixed(1)}"${attribute}>${escaped(text)}</tspan>`;
    });
    return `<text y="${border.top + (index + 0.5) * cell.height}">${spans.join('')}</text>`;
  });
  const lights = ['#f47067', '#f0c674', '#8ddb8c'].map(
    (colour, index) => `<circle cx="${border.x + 6 + index * 20}" cy="24" r="6" fill="${colour}"/>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escaped(title)}">
<style>text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:#d7dae0}</style>
<rect width="${width}" height="${height}" rx="10" fill="#1c2027"/>
${lights.join('')}
<text x="${width / 2}" y="29" text-anchor="middle" style="opacity:0.7">${escaped(title)}</text>
${rows.join('\n')}
</svg>
`;
}

function spansOf(line: string): Span[] {
  const spans: Span[] = [];
  let styles: readonly string[] = [];
  let from = 0;
  for (const match of line.matchAll(sequence)) {
    spans.push({ text: line.slice(from, match.index), style: styles.join(';') });
    const added = colours[match[1] ?? ''] ?? marks[match[1] ?? ''];
    // Every closing sequence ends all: the command line does not nest styles.
    styles = added === undefined ? [] : [...styles, added];
    from = match.index + match[0].length;
  }
  spans.push({ text: line.slice(from), style: styles.join(';') });
  return spans.filter(({ text }) => text !== '');
}

/** Words with the column that each begins in: viewers join spaces, and their fonts differ in width. */
function placed(spans: readonly Span[]): (Span & { readonly column: number })[] {
  let column = 0;
  return spans.flatMap(({ text, style }) => {
    const start = column;
    column += text.length;
    const words = text.matchAll(/\S+(?: \S+)*/g);
    return [...words].map((word) => ({ text: word[0], style, column: start + word.index }));
  });
}

function cut(spans: readonly Span[], columns: number): Span[] {
  let left = columns;
  const length = spans.reduce((sum, { text }) => sum + text.length, 0);
  return spans.flatMap((span) => {
    if (left <= 0) return [];
    const text = span.text.slice(0, left);
    left -= span.text.length;
    return [{ ...span, text: left < 0 || (left === 0 && length > columns) ? `${text.slice(0, -1)}…` : text }];
  });
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

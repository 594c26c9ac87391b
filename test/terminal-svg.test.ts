import { expect, test } from 'vitest';
import { terminalSvg } from '../scripts/terminal-svg.ts';

const texts = (svg: string) => [...svg.matchAll(/<text y=.*<\/text>/g)].map(([row]) => row.replaceAll(/<[^>]*>/g, ''));

test('a terminal picture shows each line as it is, also what means something in XML', () => {
  expect(texts(terminalSvg('t', ['a <b> & "c"', '', 'd'], 40))).toEqual(['a &lt;b&gt; &amp; &quot;c&quot;', '', 'd']);
});

test('a terminal picture puts each word into its column, whatever the viewer makes of spaces', () => {
  const svg = terminalSvg('t', ['a  b', '    c'], 40);
  expect(svg).toContain('<tspan x="22.0">a</tspan><tspan x="47.3">b</tspan>');
  expect(svg).toContain('<tspan x="55.7">c</tspan>');
});

test('a terminal picture keeps colours and cuts long lines', () => {
  const svg = terminalSvg('t', ['\u001b[32mgreen\u001b[39m plain', 'x'.repeat(50)], 20);
  expect(svg).toContain(' style="fill:#8ddb8c">green</tspan>');
  expect(texts(svg)[1]).toBe(`${'x'.repeat(19)}…`);
});

import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { exitCodes } from '../cli/exit-codes.ts';
import { programFor } from '../cli/program.ts';
import { parseConfiguration, problemText } from '../lib/configuration.ts';
import { sources } from '../lib/sources.ts';
import { blocksOf, pages, read, root } from './pages.ts';

test.each(['lib', 'cli', 'dev', 'scripts', 'bench'])(
  'every exported symbol in %s/ has a doc comment',
  async (folder) => {
    const names = await readdir(new URL(`${folder}/`, root), { recursive: true });
    const files = names.filter((name) => name.endsWith('.ts'));
    const bare: string[] = [];
    for (const file of files) {
      const lines = (await read(`${folder}/${file}`)).split('\n');
      lines.forEach((line, index) => {
        const symbol = /^export (?:async )?(?:function\*?|const|let|interface|class|type) (\w+)/.exec(line)?.[1];
        if (symbol !== undefined && !(lines[index - 1] ?? '').trimEnd().endsWith('*/')) bare.push(`${file}: ${symbol}`);
      });
    }
    expect(files).not.toHaveLength(0);
    expect(bare).toEqual([]);
  },
);

const around = {
  print: () => {},
  error: () => {},
  paint: (_: string, text: string) => text,
  interactive: false,
  signal: new AbortController().signal,
  end: () => {},
};

test('docs/command-line.md has a section for every command, which names each of its options', async () => {
  const page = await read('docs/command-line.md');
  const [common = ''] = page.split('\n## init');
  const missing: string[] = [];
  // `complete` is what the scripts of `completion` call.
  const commands = programFor(around, () => {}).commands.filter((command) => command.name() !== 'complete');
  for (const command of commands) {
    const [, section] = page.split(`\n## ${command.name()}\n`);
    const own = `${common}${section?.split('\n## ', 1)[0]}`;
    if (section === undefined) missing.push(command.name());
    for (const { long } of command.options) if (!own.includes(`\`${long}`)) missing.push(`${command.name()} ${long}`);
  }
  expect(missing).toEqual([]);
});

test('docs/command-line.md has every exit code', async () => {
  const page = await read('docs/command-line.md');
  for (const code of Object.values(exitCodes)) expect(page).toMatch(new RegExp(`^\\| ${code} \\| `, 'm'));
});

test.each(pages)('%s names only scripts, links and files that exist', async (page) => {
  const text = await read(page);
  const { scripts } = JSON.parse(await read('package.json'));
  for (const [, script] of text.matchAll(/npm run ([\w:-]+)/g)) expect(Object.keys(scripts)).toContain(script);
  const links = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(
    ([, link]) => new URL(link ?? '', new URL(page, root)),
  );
  const mentioned = [
    ...text.matchAll(/`((?:lib|cli|docs|test|deploy|dev|scripts|schema|examples)\/(?:[\w-]+[./]?)*)`/g),
  ].map(([, path]) => new URL(path ?? '', root));
  for (const url of [...links, ...mentioned]) expect(existsSync(url), `${page}: ${url.pathname}`).toBe(true);
});

test('every heading that a page links to is there', async () => {
  for (const page of pages) {
    for (const [, file = '', anchor = ''] of (await read(page)).matchAll(/\]\(((?!https?:)[^)#]*)#([^)]+)\)/g)) {
      const target = file === '' ? page : new URL(file, new URL(page, root)).pathname.slice(root.pathname.length);
      const headings = [...(await read(target)).matchAll(/^#+ (.*)$/gm)].map(([, heading]) => anchorOf(heading ?? ''));
      expect(headings, `${page} -> ${target}`).toContain(anchor);
    }
  }
});

/** As GitHub makes it of a heading. */
const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replaceAll(/[^\w\- ]/g, '')
    .replaceAll(' ', '-');

test('the two commands of the README are the ones that CI runs', async () => {
  const readme = await read('README.md');
  const ci = await read('.ci/run');
  expect(readme).toContain('npm ci && npm run demo ');
  expect(readme).toContain('npm ci && npm test ');
  for (const command of ['npm ci', 'npm test', 'npm run demo -- --once']) expect(ci).toContain(command);
});

test.each(pages)('the YAML of %s can be read, and what is a configuration holds together', async (page) => {
  for (const { language, text } of await blocksOf(page)) {
    if (language !== 'yaml') continue;
    expect(parseAllDocuments(text).flatMap((document) => ('errors' in document ? document.errors : []))).toEqual([]);
    if (!/^mirrors:/m.test(text)) continue;
    const parsed = parseConfiguration(text, { sources, environment: { SKYMIRROR_EXTERNAL_ID: 'any-id' } });
    const problems = 'problems' in parsed ? parsed.problems.map((problem) => problemText(page, problem)) : [];
    expect(problems).toEqual([]);
  }
});

import { readdir } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { read, root } from './pages.ts';

const page = await read('docs/troubleshooting.md');
const rows = page.split('\n').filter((line) => line.startsWith('| '));

/** What stands in quotes or before a colon in a part of a file; the part has to be there. */
async function named(path: string, part: RegExp, name: RegExp): Promise<string[]> {
  const [, text] = part.exec(await read(path)) ?? [];
  const names = [...(text ?? '').matchAll(name)].map(([, one]) => one ?? '');
  expect(names, `${path}: nothing fits ${part}`).not.toEqual([]);
  return names;
}

const quoted = /'(\w+)'/g;

/** The first cells of all tables have an entry for it. */
function expectEntry(reason: string): void {
  const entries = rows.filter((row) => row.split(' | ')[0]?.includes(reason));
  expect(entries, `docs/troubleshooting.md has no row for ${reason}`).not.toEqual([]);
}

test('each reason for not having seen the outside has an entry', async () => {
  for (const reason of await named('lib/conditions.ts', /export type Unseen =(.*?);/s, quoted)) expectEntry(reason);
});

test('each reason for refusing to write has an entry', async () => {
  for (const reason of await named('lib/plan.ts', /export type Refusal =(.*?);/s, quoted)) expectEntry(reason);
  for (const reason of await named('lib/cluster-refusal.ts', /(.*)/s, /return `(\w+): /g)) expectEntry(reason);
});

test('each reason of a condition that is no good news has an entry', async () => {
  const files = (await readdir(new URL('lib/', root), { recursive: true })).filter((name) => name.endsWith('.ts'));
  const bad = /judgement\(\s*'(?:False|Unknown)',\s*'(\w+)'|judgement\(\s*'True',\s*'(TooMany)'/g;
  const texts = await Promise.all(files.map((file) => read(`lib/${file}`)));
  const reasons = texts.flatMap((text) => [...text.matchAll(bad)].map(([, one, other]) => one ?? other ?? ''));
  expect(reasons).toEqual(expect.arrayContaining(['NotFound', 'NotSelected', 'Invalid', 'TooMany']));
  for (const reason of reasons) expectEntry(reason);
});

test('each remedy of the transport has an entry', async () => {
  const body = /function remedy\(.*?\{(.*?)\n\}/s;
  for (const remedy of await named('lib/transport.ts', body, /(?:return|\d:) '([^':,.]+)/g)) expectEntry(remedy);
});

test('each error of a kubeconfig has an entry', async () => {
  const messages = await named(
    'lib/kubeconfig.ts',
    /(.*)/s,
    /`((?:no |the )?(?:kubeconfig|credential|this process)[^`]*)`/g,
  );
  // What is filled in is `...` on the page, and a row ends where the remedy begins.
  const beginnings = messages.map(
    (text) => text.replaceAll(/\$\{[^}]*\}/g, '...').split(/[.] |, which|: [.]{3}/, 1)[0],
  );
  for (const text of beginnings) expectEntry(text ?? '');
});

test('each state that status shows and that asks for something has an entry', async () => {
  const states = await named('cli/status.ts', /export type ScanState =(.*?);/s, quoted);
  for (const state of states.filter((one) => one !== 'ok')) expectEntry(`\`${state}\``);
});

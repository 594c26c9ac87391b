import { readdir, readFile } from 'node:fs/promises';

/** The repository. */
export const root = new URL('../', import.meta.url);

/** A file of the repository, by its path there. */
export const read = (path: string) => readFile(new URL(path, root), 'utf8');

/** Every page of the documentation, by its path in the repository. */
export const pages = await pagesBelow(['README.md', 'CONTRIBUTING.md', 'docs/', 'examples/']);

async function pagesBelow(places: readonly string[]): Promise<string[]> {
  const found = places.map(async (place) => {
    if (!place.endsWith('/')) return [place];
    const names = await readdir(new URL(place, root), { recursive: true });
    return names.filter((name) => name.endsWith('.md')).map((name) => `${place}${name}`);
  });
  return (await Promise.all(found)).flat().toSorted();
}

/** The fenced blocks of a page: what each says it is, and its text. */
export async function blocksOf(page: string): Promise<{ readonly language: string; readonly text: string }[]> {
  const found = (await read(page)).matchAll(/^( *)```(\w*)\n(.*?)^\1```$/gms);
  return [...found].map(([, indent = '', language = '', text = '']) => ({
    language,
    text: text.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  }));
}

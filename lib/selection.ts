import type { JsonObject } from './json.ts';

/** Globs: what to take, and what of it to leave out. Left out means all, and nothing. */
export interface NameSelection {
  readonly include?: readonly string[] | undefined;
  readonly exclude?: readonly string[] | undefined;
}

/** Globs for the value of each key: all keys of `include` have to fit, and none of `exclude` may. */
export interface TagSelection {
  readonly include?: TagPatterns | undefined;
  readonly exclude?: TagPatterns | undefined;
}

type TagPatterns = Readonly<Record<string, readonly string[]>>;

/** Whether a name is selected. */
export function selectsName({ include, exclude }: NameSelection, name: string): boolean {
  return (include === undefined || fitsOne(include, name)) && !fitsOne(exclude ?? [], name);
}

/** Whether observed fields are selected by their tags. */
export function selectsTags({ include, exclude }: TagSelection, fields: JsonObject): boolean {
  const fits = ([key, globs]: [string, readonly string[]]) => {
    const value = tagOf(fields, key);
    return value !== undefined && fitsOne(globs, value);
  };
  return Object.entries(include ?? {}).every(fits) && !Object.entries(exclude ?? {}).some(fits);
}

/** The value of a tag among observed fields. Only an own key counts: tags are outsiders' input. */
export function tagOf({ tags }: JsonObject, key: string): string | undefined {
  const own = typeof tags === 'object' && !Array.isArray(tags) ? Object.entries(tags) : [];
  const value = own.find(([known]) => known === key)?.[1];
  return typeof value === 'string' ? value : undefined;
}

const fitsOne = (globs: readonly string[], text: string) => globs.some((glob) => fitsGlob(glob, text));

/**
 * Whether the whole text fits: `*` stands for any characters, `?` for one, each other for itself. Not by a regular
 * expression, which takes exponential time for some globs; this takes at most the product of the lengths.
 */
export function fitsGlob(glob: string, text: string): boolean {
  const [pattern, characters] = [[...glob], [...text]];
  let [at, position] = [0, 0];
  let retry: { readonly at: number; readonly position: number } | undefined;
  while (position < characters.length) {
    if (pattern[at] === '*') {
      at += 1;
      retry = { at, position };
    } else if (pattern[at] === '?' || pattern[at] === characters[position]) {
      at += 1;
      position += 1;
    } else if (retry !== undefined) {
      // The last star takes one character more.
      retry = { at: retry.at, position: retry.position + 1 };
      ({ at, position } = retry);
    } else {
      return false;
    }
  }
  return pattern.slice(at).every((character) => character === '*');
}

import * as fc from 'fast-check';
import { stringify } from 'yaml';
import { hostileText, hostileValue } from './hostile.ts';

type Deed = 'replace' | 'drop' | 'wrap' | 'repeat' | 'rename' | 'add';

/** One change of a value: where, by the numbers of the keys that lead there, and what. */
export interface Edit {
  readonly path: readonly number[];
  readonly deed: Deed;
  readonly by: unknown;
}

/** Any change of any value. */
export const edit: fc.Arbitrary<Edit> = fc.record({
  path: fc.array(fc.nat(30), { minLength: 1, maxLength: 6 }),
  deed: fc.oneof(
    { weight: 5, arbitrary: fc.constant('replace' as const) },
    { weight: 4, arbitrary: fc.constantFrom<Deed>('drop', 'wrap', 'repeat', 'rename', 'add') },
  ),
  by: hostileValue,
});

/** The value with the edit carried out; where the path ends early, there. */
export function edited(value: unknown, { path: [first, ...path], deed, by }: Edit): unknown {
  if (first === undefined || typeof value !== 'object' || value === null) return deed === 'wrap' ? [value] : by;
  const entries = Object.entries(value);
  const chosen = first % Math.max(entries.length, 1);
  const isHere = path.length === 0;
  const next = entries.flatMap(([key, item], index): [string, unknown][] => {
    if (index !== chosen) return [[key, item]];
    if (!isHere) return [[key, edited(item, { path, deed, by })]];
    const text = typeof by === 'string' ? by : JSON.stringify(by).slice(0, 50);
    const deeds: Readonly<Record<Deed, [string, unknown][]>> = {
      replace: [[key, by]],
      drop: [],
      wrap: [[key, [item]]],
      repeat: [
        [key, item],
        [`${key}2`, item],
      ],
      rename: [[text, item]],
      add: [
        [key, item],
        [text, by],
      ],
    };
    return deeds[deed];
  });
  return Array.isArray(value) ? next.map(([, item]) => item) : Object.fromEntries(next);
}

/** Values of a corpus, whole or damaged in a few places. */
export function damaged(corpus: readonly unknown[], most = 4): fc.Arbitrary<unknown> {
  return fc
    .tuple(fc.constantFrom(...corpus), fc.array(edit, { maxLength: most }))
    .map(([value, edits]) => edits.reduce(edited, value));
}

/** One change of a text: where, as a part of its length, how much is cut out there, and what is put there. */
export interface Slice {
  readonly at: number;
  readonly cut: number;
  readonly put: string;
}

const part = fc.double({ min: 0, max: 1, noNaN: true });

/** Any change of any text. */
export function slices(put: fc.Arbitrary<string> = hostileText): fc.Arbitrary<Slice> {
  return fc.record({ at: part, cut: fc.nat(40), put });
}

/** The text with the change carried out. */
export function sliced(text: string, { at, cut, put }: Slice): string {
  const from = Math.floor(at * text.length);
  return `${text.slice(0, from)}${put}${text.slice(from + cut)}`;
}

/** The texts of an arbitrary, whole or damaged in a few places: cut, overwritten, ended early. */
export function damagedText(texts: fc.Arbitrary<string>, put?: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const end = fc.option(part, { freq: 12, nil: 1 });
  return fc.tuple(texts, fc.array(slices(put), { maxLength: 3 }), end).map(([text, cuts, until]) => {
    const changed = cuts.reduce(sliced, text);
    return changed.slice(0, Math.ceil(until * changed.length));
  });
}

const isDeeper = (value: unknown, levels: number): boolean =>
  typeof value === 'object' &&
  value !== null &&
  (levels === 0 || Object.values(value).some((one) => isDeeper(one, levels - 1)));

/**
 * Values as texts of YAML, whole or damaged; as JSON, which is YAML too, where they are nested so deep that the indents
 * alone would be megabytes.
 */
export function damagedYaml(corpus: readonly unknown[], most?: number): fc.Arbitrary<string> {
  return damaged(corpus, most).map((value) => (isDeeper(value, 100) ? JSON.stringify(value) : stringify(value)));
}

/** Values as texts of JSON, whole or damaged. */
export function damagedJson(corpus: readonly unknown[]): fc.Arbitrary<string> {
  const texts = damaged(corpus).map((value) => JSON.stringify(value) ?? '');
  return fc.oneof(
    { weight: 5, arbitrary: texts },
    { weight: 1, arbitrary: damagedText(texts) },
    { weight: 1, arbitrary: hostileText },
  );
}

import * as z from 'zod';
import type { Finding, Path } from './configuration-nodes.ts';

/** A finding that may be about two places: `other` is where the first of them is. */
export interface Clash extends Finding {
  readonly other?: Path;
}

/** A map of the file, whatever its values are. */
export type RawMap = Readonly<Record<string, unknown>>;

const rawMap = z.record(z.string(), z.unknown()).catch({});
const rawList = z.array(z.unknown()).catch([]);

/** The value as a map; an empty one where it is none. */
export const mapOf = (value: unknown): RawMap => rawMap.parse(value);
/** The value as a list; an empty one where it is none. */
export const listOf = (value: unknown): readonly unknown[] => rawList.parse(value);
/** The texts of a list; none where it is no list. */
export const textsOf = (value: unknown): string[] => listOf(value).filter((item) => typeof item === 'string');

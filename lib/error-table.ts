import type { Unseen } from './conditions.ts';

/**
 * What an error says of the thing that was asked for. `gone`: the outside looked, and there is none. The others say
 * nothing of it: somebody has to grant or mend something, it passes by itself, or skymirror asked wrongly.
 */
export type Meaning = 'gone' | 'cannot see' | 'try again' | 'our fault';

/** A page on which the outside says what a code means. */
export interface ErrorSource {
  readonly title: string;
  readonly url: string;
}

interface AnyRow {
  /** Every spelling: as it is sent, and as the client library names it. */
  readonly codes: readonly string[];
  /** What was asked, in the writing of `permissions`; left out: the row holds whatever was asked. */
  readonly actions?: readonly string[];
  /** What people can do, as the end of a sentence. */
  readonly remedy?: string;
  readonly source: ErrorSource;
}

/** One line of a provider's table of error codes. A code without a row counts as "cannot see". */
export type ErrorRow =
  | (AnyRow & { readonly meaning: Exclude<Meaning, 'gone'>; readonly reason: Unseen })
  | (AnyRow & {
      readonly meaning: 'gone';
      readonly actions: readonly string[];
      /** What has to be shown besides, where the outside gives the same answer to those who may not look. */
      readonly unless?: string;
    });

/** The row of a code for what was asked; one that names the action goes before one for all. */
export function rowFor(table: readonly ErrorRow[], code: string, action?: string): ErrorRow | undefined {
  const rows = table.filter(({ codes }) => codes.includes(code));
  const named = rows.find(({ actions }) => action !== undefined && actions?.includes(action));
  return named ?? rows.find(({ actions }) => actions === undefined);
}

/**
 * Those of the known words that a misspelt one most likely stands for, at most three: `regoins` is one step (a swap, a
 * missing, a further or another character) from `regions`. Upper and lower case count as equal.
 */
export function nearest(word: string, known: readonly string[]): string[] {
  const limit = Math.max(1, Math.floor(word.length / 3));
  const near = known
    .filter((candidate) => Math.abs(candidate.length - word.length) <= limit)
    .map((candidate) => ({ candidate, steps: distance(word.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ steps }) => steps <= limit);
  const least = Math.min(...near.map(({ steps }) => steps));
  return near.filter(({ steps }) => steps === least).flatMap(({ candidate }, index) => (index < 3 ? [candidate] : []));
}

/** `: did you mean "regions"?`, or nothing where no known word is near. */
export function suggestion(word: string, known: readonly string[]): string {
  const near = nearest(word, known).map((candidate) => `"${candidate}"`);
  return near.length === 0 ? '' : `: did you mean ${near.join(' or ')}?`;
}

/** Damerau's distance, in the form that edits no part of a word twice. */
function distance(one: string, other: string): number {
  let before: number[] = [];
  let last = Array.from({ length: other.length + 1 }, (_, column) => column);
  for (let row = 1; row <= one.length; row += 1) {
    const next = [row];
    for (let column = 1; column <= other.length; column += 1) {
      const at = (line: readonly number[], index: number) => line[index] ?? 0;
      const differs = one[row - 1] === other[column - 1] ? 0 : 1;
      const swapped = one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1];
      next[column] = Math.min(
        at(last, column) + 1,
        at(next, column - 1) + 1,
        at(last, column - 1) + differs,
        swapped && row > 1 && column > 1 ? at(before, column - 2) + 1 : Number.POSITIVE_INFINITY,
      );
    }
    [before, last] = [last, next];
  }
  return last[other.length] ?? 0;
}

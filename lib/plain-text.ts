import * as z from 'zod';

/** Characters that steer a terminal or end a line, in whatever a stranger may have written. */
const steering = /[\p{Cc}\u2028\u2029]+/gu;

const longest = 1_000;

/** The text in one line, without what steers a terminal and not longer than people read: for errors, reports and logs. */
export function plainText(text: string, most = longest): string {
  // Cut first, because whoever writes a text may write megabytes.
  const line = text.slice(0, most + 1).replace(steering, ' ');
  const cut = text.length > most ? `${line.slice(0, most - 1)}…` : line;
  // Last, because the cut may go through the middle of a character.
  return cut.toWellFormed();
}

/** More than anybody mends at once. */
const mostIssues = 10;

/** What zod found wrong, the first of it, a line for each thing: keys and values in it may be of strangers. */
export function issuesText({ issues }: z.ZodError): string {
  const shown = issues.slice(0, mostIssues).map((issue) => ({
    ...issue,
    message: plainText(issue.message, 300),
    path: issue.path.map((key) => (typeof key === 'string' ? plainText(key, 100) : key)),
  }));
  const more = issues.length - shown.length;
  return `${z.prettifyError({ issues: shown })}${more > 0 ? `\nand ${more} more` : ''}`;
}

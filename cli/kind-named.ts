import { sources } from '../lib/sources.ts';

/** The kind that a person means, by its name, plural or a short name as kubectl takes them; else the text as it is. */
export function kindNamed(text: string): string {
  const wanted = text.toLowerCase();
  const names = ({ kind, plural, shortNames }: (typeof sources)[number]) => [kind, plural, ...shortNames];
  return sources.find((source) => names(source).some((name) => name.toLowerCase() === wanted))?.kind ?? text;
}

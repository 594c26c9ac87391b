import { badRequest } from './api-answers.ts';

/** A body as it came, and the paths of the fields that its text has more than once. */
export interface Read {
  readonly body: unknown;
  readonly duplicates: readonly string[];
}

/** Reads a body. */
export function readBody(body: unknown): Read {
  if (typeof body !== 'string') return { body, duplicates: [] };
  try {
    return { body: JSON.parse(body), duplicates: duplicatesIn(body) };
  } catch {
    throw badRequest("the object provided is unrecognized: couldn't get version/kind; json parse error");
  }
}

interface Level {
  readonly path: string;
  readonly keys: Set<string> | undefined;
  index: number;
  key: string;
}

/** JSON.parse keeps the last of several fields of one name and says nothing. */
function duplicatesIn(text: string): string[] {
  const found = new Set<string>();
  const levels: Level[] = [];
  const pathIn = ({ path, keys, index, key }: Level) => {
    if (keys === undefined) return `${path}[${index}]`;
    return path === '' ? key : `${path}.${key}`;
  };
  for (const [token, isKey] of text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?|[{}[\],]/g)) {
    const level = levels.at(-1);
    if (token === '{' || token === '[') {
      const path = level === undefined ? '' : pathIn(level);
      levels.push({ path, keys: token === '{' ? new Set() : undefined, index: 0, key: '' });
    } else if (token === '}' || token === ']') levels.pop();
    else if (level === undefined) continue;
    else if (token === ',') level.index += 1;
    else if (isKey !== undefined) {
      level.key = JSON.parse(token.slice(0, token.lastIndexOf('"') + 1));
      if (level.keys?.has(level.key)) found.add(pathIn(level));
      level.keys?.add(level.key);
    }
  }
  return [...found];
}

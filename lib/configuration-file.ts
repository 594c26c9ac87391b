import { LineCounter, parseDocument } from 'yaml';
import {
  contentOf,
  type Environment,
  type Finding,
  type Path,
  type Place,
  placeKey,
  tooDeep,
} from './configuration-nodes.ts';
import { plainText } from './plain-text.ts';

/** Something wrong with a configuration file, and where: line and column as editors count them, from one. */
export interface Problem {
  readonly message: string;
  readonly line: number;
  readonly column: number;
  /** As people write it: `mirrors[0].regions`; empty for the file as a whole. */
  readonly path: string;
}

/** What a file holds. */
export interface FileContent {
  readonly value: unknown;
  readonly findings: readonly Finding[];
  /** The finding with its place: of a path that is not in the file, the nearest place above it. */
  problemOf(finding: Finding): Problem;
  /** A scalar as it is written: of `012` the value has lost the zero. */
  writtenAt(path: Path): string | undefined;
}

/** A thousand accounts with a role each take 150 kB. */
const maxCharacters = 1_048_576;
/** After the first few, the errors of a YAML parser are mostly echoes of the first. */
const maxSyntaxErrors = 20;

/**
 * What a text of YAML 1.2 (so also of JSON) holds, or why it cannot be taken apart. Never throws, whatever the text, and
 * takes no more than seconds for the worst.
 */
export function readConfigurationFile(
  file: string,
  environment: Environment,
): FileContent | { readonly problems: readonly Problem[] } {
  // Editors count no column for a byte order mark.
  const text = file.replace(/^\uFEFF/, '');
  if (text.length > maxCharacters) {
    return whole(`the file has ${text.length} characters, and no more than ${maxCharacters} are read`);
  }
  const lines = new LineCounter();
  // Not the parser's own check of unique keys: it compares each key with each other one.
  const options = { version: '1.2', uniqueKeys: false, prettyErrors: false, logLevel: 'error' } as const;
  const document = parseDocument(text, { ...options, lineCounter: lines });
  const problemAt = (offset: number, path: Path, message: string): Problem => {
    const { line, col } = lines.linePos(offset);
    const place = { line: Math.max(line, 1), column: Math.max(col, 1), path: plainText(pathText(path), 300) };
    return { message: plainText(message, 500), ...place };
  };
  if (document.errors.length > 0) {
    const errors = document.errors.slice(0, maxSyntaxErrors);
    return { problems: errors.map(({ code, message, pos }) => problemAt(pos[0], [], plainWords(code, message))) };
  }
  if (document.directives?.yaml.version !== '1.2') return whole('only YAML 1.2 is read: remove the %YAML line');
  if (document.contents === null) return whole('the file is empty: it needs at least "mirrors", a list');
  const { value, findings, places, limit } = contentOf(document.contents, environment);
  if (limit !== undefined) return whole(limit);
  return {
    value,
    findings,
    problemOf({ path, message, at }) {
      const place = nearestPlace(places, path);
      const offset = at === 'key' ? (place.key ?? place.value) : (at ?? place.value);
      return problemAt(offset, path, message);
    },
    writtenAt: (path) => places.get(placeKey(path))?.written,
  };
}

function whole(message: string): { readonly problems: readonly Problem[] } {
  return { problems: [{ message, line: 1, column: 1, path: '' }] };
}

function nearestPlace(places: ReadonlyMap<string, Place>, path: Path): Place {
  const place = places.get(placeKey(path));
  if (place !== undefined || path.length === 0) return place ?? { value: 0 };
  return nearestPlace(places, path.slice(0, -1));
}

function pathText(path: Path): string {
  return path
    .map((part) => (typeof part === 'number' || !/^[\w-]+$/.test(part) ? `[${JSON.stringify(part)}]` : `.${part}`))
    .join('')
    .replace(/^\./, '');
}

/** Plain words for what people write wrong most, and the parser's own for the rest. */
function plainWords(code: string, message: string): string {
  return words.get(code) ?? `this is not YAML: ${message}`;
}

const words = new Map([
  ['TAB_AS_INDENT', 'a tab cannot indent in YAML: use spaces'],
  ['BAD_INDENT', 'the line is not indented like those around it, or a bracket above it is not closed'],
  ['BLOCK_AS_IMPLICIT_KEY', 'a second ": " in one line: put the text in quotes, or begin a new line after the first'],
  ['MULTIPLE_DOCS', 'a second document begins here, and a file holds one: remove the line'],
  ['RESOURCE_EXHAUSTION', tooDeep],
]);

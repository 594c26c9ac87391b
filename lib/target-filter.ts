import { suggestion } from './nearest.ts';
import type { Scope } from './source.ts';
import type { ConfiguredTask } from './targets.ts';

/** Which targets are meant; left out: all. */
export interface TargetFilter {
  readonly mirror?: readonly string[] | undefined;
  /** Kinds, by any of their names. */
  readonly source?: readonly string[] | undefined;
  /** `key=value`; of each key one value must fit. */
  readonly scope?: readonly string[] | undefined;
}

type Filterable = Pick<ConfiguredTask, 'mirror' | 'source' | 'scope' | 'accountName'>;

/**
 * Those of the tasks that fit. Throws where nothing can fit, with the nearest name; `spelt` is how an option is written
 * by whoever gave it.
 */
export function fitting<Task extends Filterable>(
  tasks: readonly Task[],
  filter: TargetFilter,
  spelt: (option: keyof TargetFilter) => string,
): readonly Task[] {
  const sources = new Map(tasks.map(({ source }) => [source.kind, source]));
  const mirrors = chosen(spelt('mirror'), 'mirror', filter.mirror, new Set(tasks.map(({ mirror }) => mirror.name)));
  const kinds = chosen(
    spelt('source'),
    'source',
    filter.source?.map((name) => kindOf([...sources.values()], name)),
    new Set(sources.keys()),
  );
  const pairs = (filter.scope ?? []).map((pair) => scopePair(spelt('scope'), pair, tasks));
  const scope = Map.groupBy(pairs, ([key]) => key);
  const left = tasks.filter(
    (task) =>
      mirrors(task.mirror.name) &&
      kinds(task.source.kind) &&
      [...scope.values()].every((values) => values.some((pair) => fits(task, pair))),
  );
  if (left.length > 0 || tasks.length === 0) return left;
  const given = (['mirror', 'source', 'scope'] as const).flatMap((name) => {
    const values = filter[name];
    return values === undefined ? [] : [`${spelt(name)} ${values.join(',')}`];
  });
  throw new Error(`nothing in the configuration fits ${given.join(' ')}: each exists, and no mirror has all of it`);
}

type NamedKind = Pick<Filterable['source'], 'kind' | 'plural' | 'shortNames'>;

function kindOf(sources: readonly NamedKind[], name: string): string {
  const names = ({ kind, plural, shortNames }: NamedKind) => [kind, plural, ...shortNames];
  const wanted = name.toLowerCase();
  return sources.find((source) => names(source).some((known) => known.toLowerCase() === wanted))?.kind ?? name;
}

function fits({ scope, accountName }: Filterable, [key, value]: readonly [string, string]): boolean {
  return scope[key] === value || (key === 'account' && accountName === value);
}

function chosen(option: string, what: string, wanted: readonly string[] | undefined, known: ReadonlySet<string>) {
  for (const name of wanted ?? []) {
    if (known.has(name)) continue;
    const near = suggestion(name, [...known]);
    const mend = near === '' ? `; it has ${[...known].join(', ')}` : near;
    throw new Error(`${option} ${name}: the configuration has no such ${what}${mend}`);
  }
  return (name: string) => wanted === undefined || wanted.includes(name);
}

function scopePair(option: string, pair: string, tasks: readonly Filterable[]): readonly [string, string] {
  const [key = '', value = '', ...more] = pair.split('=');
  const keys = [...new Set(tasks.flatMap(({ source }) => source.scopeKeys))];
  if (value === '' || more.length > 0 || !keys.includes(key)) {
    throw new Error(`${option} ${pair}: give it as ${keys.map((known) => `${known}=...`).join(',')}`);
  }
  if (tasks.some((task) => fits(task, [key, value]))) return [key, value];
  const names = key === 'account' ? tasks.map(({ accountName }) => accountName) : [];
  const known = [...new Set([...names, ...tasks.flatMap(({ scope }) => scope[key] ?? [])])];
  const near = suggestion(value, known);
  const mend = near === '' ? `; it has ${known.join(', ')}` : near;
  throw new Error(`${option} ${pair}: no mirror of the configuration has this ${key}${mend}`);
}

/** A scope in one line, as people and scans say it. */
export function placeText(scope: Scope): string {
  return Object.values(scope).join('/');
}

/** `team=payments` and `team=orders` as one key with two patterns. Throws where one is no pair. */
export function tagPatterns(tags: readonly string[]): Record<string, string[]> {
  const pairs = tags.map((tag) => {
    const at = tag.indexOf('=');
    if (at < 1) throw new Error(`the tag ${tag}: give it as key=value; * and ? in the value stand for others`);
    return { key: tag.slice(0, at), value: tag.slice(at + 1) };
  });
  const byKey = Map.groupBy(pairs, ({ key }) => key);
  return Object.fromEntries([...byKey].map(([key, values]) => [key, values.map(({ value }) => value)]));
}

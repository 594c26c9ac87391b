import { exitCodes } from './exit-codes.ts';
import type { Findings, Group, LeftBehind } from './left-behind.ts';
import type { GroupPlace, Item } from './left-behind-item.ts';
import type { NotLookedAt } from './prune-look.ts';
import type { Session } from './session.ts';
import type { Surroundings } from './surroundings.ts';
import { age, type Format, shown, table } from './table.ts';

/** The options of `skymirror prune`. */
export interface PruneOptions {
  readonly config: string;
  readonly output: Format;
  readonly remove?: boolean;
  readonly rename?: { readonly from: string; readonly to: string };
  readonly yes?: boolean;
  /** Only what these mirrors left; with `remove` also where they reported lately. */
  readonly mirror?: readonly string[];
}

/** One object of a result. */
export interface NamedObject {
  readonly cluster: string;
  readonly namespace: string;
  readonly kind: string;
  readonly name: string;
}

/** What `-o json` shows. */
export interface PruneResult {
  /** As it was found, before anything was done. */
  readonly leftBehind: readonly LeftBehind[];
  /** Objects of mirrored kinds that are not ours; they are left alone. */
  readonly others: number;
  readonly notLookedAt: readonly NotLookedAt[];
  /** With `--remove` or `--rename`, where it was confirmed. */
  readonly carriedOut?: Outcome;
}

/** What became of what was to be removed or renamed. */
export interface Outcome {
  readonly removed: number;
  readonly renamed: number;
  /** Written by somebody else since they were looked at: left as they are. */
  readonly changed: readonly NamedObject[];
  /** Deleted, and there until their finalizers are taken away. */
  readonly held: readonly (NamedObject & { readonly finalizers: readonly string[] })[];
  readonly failed: readonly (NamedObject & { readonly message: string })[];
}

/** Everything that one run of the command knows. */
export interface Pruning {
  readonly options: PruneOptions;
  readonly around: Surroundings;
  readonly session: Session;
  readonly findings: Findings;
  readonly notLookedAt: readonly NotLookedAt[];
}

/** An item in the words of results. */
export function nameOf({ cluster, namespace, type, object }: Item): NamedObject {
  return { cluster, namespace, kind: type.kind, name: object.metadata.name };
}

/** What was done before a result is shown. */
export interface Ending {
  readonly outcome?: Outcome;
  /** The groups were shown before a question. */
  readonly wasShown: boolean;
  /** Some of the groups stay although nothing went wrong. */
  readonly remains: boolean;
}

/** Prints the result and gives the exit code. */
export function report(run: Pruning, groups: readonly Group[], { outcome, wasShown, remains }: Ending): number {
  const { options, around, findings, notLookedAt } = run;
  const result: PruneResult = {
    leftBehind: groups.map((group) => group.shown),
    others: findings.others,
    notLookedAt,
    ...(outcome === undefined ? {} : { carriedOut: outcome }),
  };
  const text = () =>
    [...(wasShown ? [] : [textOf(run, groups)]), ...(outcome === undefined ? [] : outcomeText(outcome))].join('\n');
  const said = shown(options.output, result, text);
  if (said !== '') around.print(said);
  for (const { cluster, message } of notLookedAt) around.error(`${cluster}: ${message}`);
  for (const { cluster, namespace, kind, name, message } of outcome?.failed ?? []) {
    around.error(`${cluster}: ${kind} ${namespace}/${name}: ${message}`);
  }
  if (around.signal.aborted) return exitCodes.interrupted;
  if ((outcome?.failed.length ?? 0) > 0 || notLookedAt.some(({ failed }) => failed)) return exitCodes.failed;
  const isLeft = remains || (outcome !== undefined && outcome.changed.length + outcome.held.length > 0);
  return isLeft ? exitCodes.differs : exitCodes.done;
}

/** What a person sees of the groups. */
export function textOf({ findings, notLookedAt, options: { mirror } }: Pruning, groups: readonly Group[]): string {
  const others =
    findings.others === 0
      ? []
      : [`Not made by skymirror, or of a kind that this release does not know, and left alone: ${findings.others}.`];
  if (groups.length === 0) {
    const where = notLookedAt.length === 0 ? '' : ' in what could be looked at';
    return [`Nothing is left behind${where}.`, ...others].join('\n');
  }
  const shownGroups = groups.map((group) => group.shown);
  const heading = [
    'CLUSTER',
    'NAMESPACE',
    'MIRROR',
    'KIND',
    'SCOPE',
    'OBJECTS',
    'SCAN',
    'LAST REPORT',
    'NOT CONFIGURED',
    'STAYS',
  ];
  const rows = shownGroups.map((one) => [
    ...[one.cluster, one.namespace, nameOfMirror(one), one.kind, Object.values(one.scope).join('/')],
    ...[String(one.objects), one.scan === undefined ? '' : '1'],
    one.sinceReport === undefined ? 'none' : `${age(one.sinceReport * 1000)} ago`,
    one.missing,
    one.stays?.why ?? '',
  ]);
  const hints = new Set(
    shownGroups.flatMap(({ mirror: from, successor, missing }) =>
      from === undefined || successor === undefined || missing !== 'mirror'
        ? []
        : [`Was ${from} renamed to ${successor}? Then keep its objects: skymirror prune --rename ${from}=${successor}`],
    ),
  );
  const claim = mirror === undefined ? [] : [`Only what these mirrors left: ${mirror.join(', ')}.`];
  return [table(heading, rows), '', ...claim, ...hints, ...stayText(shownGroups), ...others].join('\n').trimEnd();
}

/** One line for each mirror and reason, however many places there are; the table has the reason of each. */
export function stayText(groups: readonly LeftBehind[]): string[] {
  const staying = groups.flatMap((one) => (one.stays === undefined ? [] : [{ one, stays: one.stays }]));
  const alike = Map.groupBy(staying, ({ one: { mirror }, stays: { why } }) => JSON.stringify([mirror, why]));
  return [...alike.values()].flatMap(([first, ...more]) => {
    if (first === undefined) return [];
    const { one, stays } = first;
    const what = more.length === 0 ? placeText(one) : `${more.length + 1} lines of ${nameOfMirror(one)} (${stays.why})`;
    return [`--remove leaves alone ${what}: ${stays.message}.`];
  });
}

const nameOfMirror = ({ mirror = '(label lost)' }: GroupPlace) => mirror;

/** A place in one line. */
export function placeText(place: GroupPlace): string {
  const { cluster, namespace, kind, scope } = place;
  return `${nameOfMirror(place)} ${kind} ${Object.values(scope).join('/')} in namespace ${namespace} of ${cluster}`;
}

function outcomeText({ removed, renamed, changed, held }: Outcome): string[] {
  const named = ({ cluster, namespace, kind, name }: NamedObject) => `  ${cluster}: ${kind} ${namespace}/${name}`;
  return [
    ...(renamed > 0 ? [`Renamed: ${renamed}.`] : []),
    `Removed: ${removed}.`,
    ...(changed.length > 0 ? [`Changed since they were looked at, and left alone: ${changed.length}`] : []),
    ...changed.map(named),
    ...(held.length > 0 ? [`Deleted, and there until their finalizers are taken away: ${held.length}`] : []),
    ...held.map((one) => `${named(one)} (${one.finalizers.join(', ')})`),
  ];
}

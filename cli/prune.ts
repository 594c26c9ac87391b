import { mirrorScan } from '../lib/scan-schema.ts';
import { sources } from '../lib/sources.ts';
import { confirmed } from './confirm.ts';
import { type Group, leftBehind } from './left-behind.ts';
import { carryOut, openFor, removeOne } from './prune-carry-out.ts';
import { lookAt } from './prune-look.ts';
import { rename } from './prune-rename.ts';
import { nameOf, type PruneOptions, type Pruning, report, textOf } from './prune-report.ts';
import { openSession } from './session.ts';
import type { Surroundings } from './surroundings.ts';
import { counted } from './table.ts';

export type { PruneOptions } from './prune-report.ts';

/** A running mirror reports every third of its staleAfter; this is the least that is waited for, in seconds. */
const leastSilence = 900;

/** Shows what the configuration no longer accounts for; on request removes it, or hands it to a renamed mirror. */
export async function prune(options: PruneOptions, around: Surroundings): Promise<number> {
  if (options.remove === true && options.rename !== undefined) {
    throw new Error('--remove and --rename are two steps: rename first, then remove what is left');
  }
  const session = await openSession({ config: options.config }, around);
  const names = Object.keys(session.configuration.clusters);
  const looked = await Promise.all(names.map((name) => lookAt(session, name, sources, around.signal)));
  const notLookedAt = looked.flatMap((one) => one.notLookedAt);
  const findings = leftBehind(
    looked.flatMap(({ look }) => look ?? []),
    {
      tasks: session.tasks,
      unseen: names.filter((_, index) => looked[index]?.look === undefined),
      silence: Math.max(leastSilence, ...session.configuration.mirrors.map(({ staleAfter }) => staleAfter)),
      ...(options.mirror === undefined ? {} : { claimed: options.mirror }),
    },
  );
  const run: Pruning = { options, around, session, findings, notLookedAt };
  if (options.rename !== undefined) return rename(run, options.rename);
  const groups = chosen(findings.groups, options.mirror);
  if (options.remove !== true) return report(run, groups, { wasShown: false, remains: groups.length > 0 });
  return remove(run, groups);
}

function chosen(groups: readonly Group[], mirrors: readonly string[] | undefined): readonly Group[] {
  const known = new Set(groups.flatMap(({ shown: { mirror } }) => mirror ?? []));
  for (const name of mirrors ?? []) {
    if (known.has(name)) continue;
    const others = known.size === 0 ? 'nothing is' : `only of ${[...known].join(', ')}`;
    throw new Error(`--mirror ${name}: nothing of such a mirror is left behind; ${others}`);
  }
  return groups.filter(({ shown: { mirror } }) => mirrors === undefined || mirrors.includes(mirror ?? ''));
}

async function remove(run: Pruning, groups: readonly Group[]): Promise<number> {
  const { options, around, session } = run;
  const going = groups.filter(({ shown: { stays } }) => stays === undefined);
  const items = going.flatMap((group) => group.items);
  if (items.length === 0) return report(run, groups, { wasShown: false, remains: groups.length > 0 });
  const say = options.output === 'table' ? around.print : around.error;
  say(textOf(run, groups));
  around.error('A mirror that another configuration runs looks like this too. Remove only what you know to be yours.');
  const scanCount = items.filter(({ type }) => type === mirrorScan).length;
  const counts = `${counted(items.length - scanCount, 'object')} and ${counted(scanCount, 'scan')}`;
  const facts = `To be removed from the clusters: ${counts}; nothing outside is touched.`;
  const question = { facts, text: String(items.length), what: 'remove them' };
  if (options.yes !== true && !(await confirmed(question, around))) {
    around.error('Nothing was removed.');
    return report(run, groups, { wasShown: true, remains: true });
  }
  const clusters = await openFor(session, items, around);
  try {
    const gone = await carryOut(
      items.filter(({ type }) => type !== mirrorScan),
      clusters,
      removeOne,
      around,
    );
    const left = new Set([...gone.changed, ...gone.failed.map(({ item }) => item)]);
    // The scan of what stays tells the next prune how long its mirror is silent.
    const scans = going
      .filter((group) => !group.items.some((item) => left.has(item)))
      .flatMap((group) => group.items.filter(({ type }) => type === mirrorScan));
    const last = await carryOut(scans, clusters, removeOne, around);
    const done = [...gone.done, ...last.done];
    const held = done.filter(({ finalizers }) => finalizers.length > 0);
    const outcome = {
      removed: done.length - held.length,
      renamed: 0,
      changed: [...gone.changed, ...last.changed].map(nameOf),
      held: held.map((item) => ({ ...nameOf(item), finalizers: item.finalizers })),
      failed: [...gone.failed, ...last.failed].map(({ item, message }) => ({ ...nameOf(item), message })),
    };
    return report(run, groups, { outcome, wasShown: true, remains: going.length < groups.length });
  } finally {
    await Promise.all([...clusters.values()].map((cluster) => cluster.close()));
  }
}

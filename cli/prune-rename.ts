import { mirrorLabel } from '../lib/resource.ts';
import { confirmed } from './confirm.ts';
import { renaming } from './left-behind.ts';
import { carryOut, openFor, removeOne } from './prune-carry-out.ts';
import { nameOf, type Pruning, placeText, report } from './prune-report.ts';
import { counted } from './table.ts';

/**
 * Gives the objects of a mirror that was renamed its new name, so that its next pass finds them its own, and removes
 * the scans of the old name. The new mirror begins its books anew: until they are filled five objects may go unasked.
 */
export async function rename(run: Pruning, names: { readonly from: string; readonly to: string }): Promise<number> {
  const { options, around, session, findings } = run;
  const { from, to } = names;
  const configured = session.configuration.mirrors.map(({ name }) => name);
  if (configured.includes(from)) {
    throw new Error(`--rename ${from}=${to}: the configuration still has the mirror ${from}. Rename it there first`);
  }
  if (!configured.includes(to)) {
    const known = configured.join(', ');
    throw new Error(`--rename ${from}=${to}: the configuration has no mirror ${to}; it has ${known}`);
  }
  // What goes away by itself is left alone (law 8).
  const groups = findings.groups.filter(
    ({ shown: { mirror, stays } }) => mirror === from && stays?.why !== 'terminating',
  );
  const { relabel, scans, stays } = renaming(groups, names, findings.places);
  const say = options.output === 'table' ? around.print : around.error;
  const staying = new Set(stays);
  for (const { shown: place, items } of groups) {
    // All items of a group are in one place.
    const isMoving = !items.some((item) => staying.has(item));
    const what = isMoving ? `to become those of ${to}` : `left as they are: ${to} does not show them there`;
    say(`${placeText(place)}: ${counted(place.objects, 'object')} ${what}`);
    if (place.stays?.why === 'alive') {
      around.error(`${from} reported ${Math.round(place.sinceReport ?? 0)} s ago: it must not run any more`);
    }
  }
  const total = relabel.length + scans.length;
  if (total === 0) {
    say(`Nothing of the mirror ${from} is where ${to} could take it over.`);
    return report(run, groups, { wasShown: true, remains: groups.length > 0 });
  }
  const label = `${counted(relabel.length, 'object')} to get the label ${mirrorLabel}=${to}`;
  const facts = `${label}, ${counted(scans.length, 'scan')} of ${from} to go.`;
  const question = { facts, text: String(total), what: 'hand them over' };
  if (options.yes !== true && !(await confirmed(question, around))) {
    around.error('Nothing was renamed.');
    return report(run, groups, { wasShown: true, remains: groups.length > 0 });
  }
  const clusters = await openFor(session, [...relabel, ...scans], around);
  try {
    const labels = { [mirrorLabel]: to };
    const moved = await carryOut(
      relabel,
      clusters,
      async (cluster, { type, object }) => {
        await cluster.patchMetadata(type, object, { labels });
      },
      around,
    );
    const left = new Set([...moved.changed, ...moved.failed.map(({ item }) => item)]);
    const through = groups.filter(({ items }) => !items.some((item) => left.has(item)));
    const spent = scans.filter((scan) => through.some(({ items }) => items.includes(scan)));
    const gone = await carryOut(spent, clusters, removeOne, around);
    const outcome = {
      removed: gone.done.length,
      renamed: moved.done.length,
      changed: [...moved.changed, ...gone.changed].map(nameOf),
      held: [],
      failed: [...moved.failed, ...gone.failed].map(({ item, message }) => ({ ...nameOf(item), message })),
    };
    return report(run, groups, { outcome, wasShown: true, remains: stays.length > 0 });
  } finally {
    await Promise.all([...clusters.values()].map((cluster) => cluster.close()));
  }
}

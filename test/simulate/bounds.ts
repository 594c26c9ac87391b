import type { Activity } from './activity.ts';
import type { Installation } from './installation.ts';
import { hold } from './violation.ts';

/** How often an object is tried in one settling (lib/apply.ts), and how many requests a try takes at most. */
const tries = 5;
const requests = 2;
/** An object is settled as what a page shows, and as what a listing left out or nobody could see. */
const settlings = 2;
/** A cluster that leaves the pass is served once more, by a pass of its own. */
const passes = 2;

/**
 * Calls and writes are bounded in each pass whatever others do meanwhile: no object is written, and no id is asked for,
 * more often than its tries allow; pages are read once. What the network repeats is the network's.
 */
export function expectBounded(at: Installation, who: Activity): void {
  const { sessions, met, sent } = who;
  const most = tries * requests * settlings * passes * Math.max(1, sessions.length) + met.length;
  for (const [what, times] of sent) {
    const isObject = !what.includes('production-things') && !what.includes('backfill-');
    hold(4, !isObject || times <= most, () => `${who.name} sends ${times} writes of ${what}, ${most} are the most`);
  }
  for (const { asked, calls, pages, place } of sessions) {
    const single = tries * settlings * at.places.length;
    for (const [id, times] of asked) {
      hold(4, times <= single, () => `${who.name} asks for ${id} ${times} times, ${single} are the most`);
    }
    // The proof of place, each page and what is asked for of it, and a page that was never answered.
    const together = 2 + pages * 2 + asked.size * single;
    hold(
      4,
      calls <= together + met.length,
      () => `${who.name} makes ${calls} calls in ${place}, ${together} are the most`,
    );
  }
}

/** Law 6: where nothing goes wrong, a report counts what was written, no more and no less. */
export function expectCounted({ name, reports, wrote }: Activity): void {
  const all = [...wrote.values()];
  const times = (isCounted: (verbs: readonly string[]) => boolean) => all.filter(isCounted).length;
  const found = {
    created: times((verbs) => verbs.includes('create')),
    'updated or marked': times((verbs) => !verbs.includes('create') && !verbs.includes('remove')),
    deleted: times((verbs) => verbs.includes('remove')),
  };
  const counts = reports.flatMap(({ clusters }) => clusters.flatMap((one) => one.counts ?? []));
  const sum = (of: (one: (typeof counts)[number]) => number) => counts.reduce((total, one) => total + of(one), 0);
  const said = {
    created: sum(({ created }) => created),
    'updated or marked': sum(({ updated, marked }) => updated + marked),
    deleted: sum(({ deleted }) => deleted),
  };
  const words = () => `${name} reports ${JSON.stringify(said)}, and has written ${JSON.stringify(found)}`;
  hold(6, JSON.stringify(said) === JSON.stringify(found), words);
}

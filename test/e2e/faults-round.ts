import type { Cluster } from '../../lib/cluster.ts';
import type { Report } from '../../lib/report.ts';
import type { FaultsWorld } from './faults-world.ts';
import { type Chronicle, complaintsAboutPast, complaintsAgainst, parseMirrored, type Told } from './truth.ts';

/** What a round did that it must not have done, each by what it befell; all of it is empty where all is well. */
export interface Verdict {
  /** Is there outside, and its object was deleted, or missing after the clean pass. */
  readonly lost: readonly string[];
  /** An object showed what its resource never was. */
  readonly wrong: readonly string[];
  /** An older version replaced a newer one, or was still shown after the clean pass. */
  readonly stale: readonly string[];
  /** Said to be gone while it was there all the time. */
  readonly 'wrongly marked': readonly string[];
  /** Shown after the clean pass although it is not there. */
  readonly extra: readonly string[];
  /** Written by the clean pass although it was true already. */
  readonly 'superfluous writes': readonly string[];
}

/** What the world went through. */
export interface Round {
  readonly verdict: Verdict;
  /** The pass without faults. */
  readonly clean: Report;
}

/**
 * Lets something happen, then a pass without faults, and judges both by what the API servers themselves told. `between`
 * comes before the clean pass, for changes outside that it shall find.
 */
export async function playRound(
  { world, chronicle, views }: FaultsWorld,
  clusters: readonly Cluster[],
  happens: () => Promise<void>,
  between: () => void = () => {},
): Promise<Round> {
  for (const view of Object.values(views)) await view.told();
  const since = chronicle.now();
  await happens();
  const before = await Promise.all(
    Object.values(views).map(async (view) => ({ view, told: await view.told(), objects: await view.objects() })),
  );
  between();
  const open = before.map(({ objects }) => new Set(Object.values(complaintsAgainst(objects, chronicle)).flat()));
  const clean = await world.pass({ clusters });
  const verdicts = await Promise.all(
    before.map(async ({ view, told }, index): Promise<Verdict> => {
      const last = await view.told();
      const past = complaintsAboutPast([...told, ...last], chronicle, since);
      const end = complaintsAgainst(await view.objects(), chronicle);
      return {
        lost: [...past.lost, ...end.lost],
        wrong: [...past.wrong, ...end.wrong],
        stale: [...past.stale, ...end.stale],
        'wrongly marked': past.marked,
        extra: end.extra,
        'superfluous writes': superfluous(last, open[index] ?? new Set(), chronicle),
      };
    }),
  );
  return { clean, verdict: verdicts.reduce(together) };
}

/** No write is needed for what was true, one for what was not, and for a new object one of its status besides. */
function superfluous(told: readonly Told[], open: ReadonlySet<string>, chronicle: Chronicle): string[] {
  const left = new Map<string, number>();
  const tooMany: string[] = [];
  for (const { type, object } of told) {
    const { arn } = parseMirrored(object).spec;
    if (type === 'DELETED' && !chronicle.present().has(arn)) continue;
    const allowed = left.get(arn) ?? (open.has(arn) ? 1 : 0);
    if (allowed === 0) tooMany.push(arn);
    left.set(arn, type === 'ADDED' ? 1 : allowed - 1);
  }
  return tooMany;
}

function together(one: Verdict, other: Verdict): Verdict {
  return {
    lost: [...one.lost, ...other.lost],
    wrong: [...one.wrong, ...other.wrong],
    stale: [...one.stale, ...other.stale],
    'wrongly marked': [...one['wrongly marked'], ...other['wrongly marked']],
    extra: [...one.extra, ...other.extra],
    'superfluous writes': [...one['superfluous writes'], ...other['superfluous writes']],
  };
}

/** The verdict on a round in which all went well. */
export const blameless: Verdict = {
  lost: [],
  wrong: [],
  stale: [],
  'wrongly marked': [],
  extra: [],
  'superfluous writes': [],
};

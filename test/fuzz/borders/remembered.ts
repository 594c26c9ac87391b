import { z } from 'zod';
import { stateOf } from '../../../cli/status.ts';
import { mirrorOf } from '../../../lib/mirror.ts';
import { parseObject } from '../../../lib/object.ts';
import { approvalAnnotation, brake, type Due, dueKey, named } from '../../../lib/removal.ts';
import { remember, scanAfter, withDeletes } from '../../../lib/scan.ts';
import { mirrorScan, scanStatus } from '../../../lib/scan-schema.ts';
import { memorySource } from '../../memory/memory-source.ts';
import type { Finding } from '../attempt.ts';
import { defineBorder } from '../border.ts';
import { damaged } from '../damage.ts';

const now = Date.UTC(2026, 0, 5, 12);
const scope = { account: '1', region: 'r' };
const source = memorySource({ world: { rows: new Map(), calls: [] } });
const target = { mirror: mirrorOf({ name: 'production', namespace: 'external' }), source, scope };

const due: readonly Due[] = Array.from({ length: 30 }, (_, index) => ({
  name: `thing-${index}`,
  uid: `uid-${index}`,
  since: '2026-01-05T11:00:00Z',
}));
const blockedRemoval = named(due.slice(0, 20));
const hours = Array.from({ length: 25 }, (_, index) => ({
  hour: new Date(now - index * 3_600_000).toISOString().replace('.000Z', 'Z'),
  held: 60,
  deleted: index % 3,
}));
const condition = {
  type: 'Complete',
  status: 'True',
  reason: 'Listed',
  message: '',
  lastTransitionTime: '2026-01-05T11:00:00Z',
};
const scan = {
  apiVersion: 'skymirror.dev/v1alpha1',
  kind: mirrorScan.kind,
  metadata: {
    name: 'production-things-x',
    namespace: 'external',
    uid: 'uid',
    resourceVersion: '5',
    creationTimestamp: '2026-01-01T00:00:00Z',
    annotations: { [approvalAnnotation]: blockedRemoval.approval },
  },
  spec: { mirror: 'production', source: source.kind, scope },
  status: {
    scope: '1/r',
    seen: 60,
    held: 60,
    deleted: 0,
    calls: 3,
    lastStarted: '2026-01-05T11:59:00Z',
    lastCompleted: '2026-01-05T11:59:00Z',
    lastListed: '2026-01-05T11:59:00Z',
    attributesAsOf: '2026-01-05T11:59:00Z',
    refreshed: '2026-01-05T11:00:00Z',
    selection: 's',
    error: 'no',
    history: hours,
    blockedRemoval,
    conditions: [condition, { ...condition, type: 'Custom' }],
  },
};

/** MirrorScans, the memory of the brake on removals: what of one that others have written is believed. */
export const rememberedScans = defineBorder<unknown>({
  name: 'remembered scans',
  arbitrary: damaged([scan, { ...scan, metadata: { ...scan.metadata, annotations: {} } }], 4),
  run(input) {
    let object: ReturnType<typeof parseObject>;
    try {
      object = parseObject(input);
    } catch (error) {
      if (error instanceof z.ZodError) return {};
      throw error;
    }
    const { history, blocked, approval, completed, lastListed } = remember(object);
    const result = brake({ due, history, maxPercent: 30, now, blocked, approval });
    const counts = { seen: 1, created: 1 };
    const pass = { began: now, counts, calls: 1, held: 60, listed: true, unbooked: 0, brake: result };
    // The first is written before deletes and keeps the rest as it was read, so that the server judges that.
    const [entered, reported] = [withDeletes(target, object, 60, 2, now), scanAfter(target, object, pass, now)];
    const state = stateOf({ mirror: target.mirror, paused: false }, object, now);
    const { history: booked } = Object(entered.status);
    return {
      left: [entered, reported, state],
      finding:
        loosened(result, blocked, approval) ??
        ([completed, lastListed].some((time) => Number.isNaN(time))
          ? { kind: 'rules', what: 'a time that is none' }
          : undefined) ??
        misfit({ history: booked }) ??
        misfit(reported?.status),
    };
  },
});

/** Without the approval of exactly that set no more goes than the brake allows for what was held and deleted. */
function loosened(
  { released, limit, deletedBefore }: ReturnType<typeof brake>,
  blocked: ReturnType<typeof remember>['blocked'],
  approval: string | undefined,
): Finding | undefined {
  if (deletedBefore < 0) return { kind: 'rules', what: `${deletedBefore} deletes before` };
  const members = new Set(blocked !== undefined && blocked.approval === approval ? blocked.members.map(dueKey) : []);
  const others = [...released].filter((key) => !members.has(key)).length;
  return others > limit ? { kind: 'writes', what: `${others} released, and the limit is ${limit}` } : undefined;
}

function misfit(status: Readonly<Record<string, unknown>> | undefined): Finding | undefined {
  if (status === undefined) return undefined;
  const { error } = scanStatus.safeParse(status);
  return error === undefined ? undefined : { kind: 'writes', what: z.prettifyError(error) };
}

import { describe, expect, test } from 'vitest';
import type { Report } from '../lib/report.ts';
import {
  begun,
  endedBy,
  hasEnded,
  newRun,
  noChanges,
  outcomeOf,
  pendingTargets,
  type RunTarget,
  reported,
  runOf,
  withTargets,
} from '../lib/sync-run.ts';
import { changesSince, versionsOf } from '../lib/sync-run-changes.ts';
import { isExpired } from '../lib/sync-run-expiry.ts';
import { runWorld } from './sync-run-world.ts';

const now = Date.UTC(2026, 10, 22, 12);
const at = { namespace: 'external', name: 'run-1' };
const spec = { mode: 'Apply', filter: {}, cancelled: false } as const;
const named = (region: string) => ({ mirror: 'one', source: 'Thing', scope: { account: '1', region } });
const still = { cancelled: false, outOfTime: false, isLast: false };

function reportOf(change: Partial<Report> = {}, counts: object = {}): Report {
  const none = { created: 0, updated: 0, marked: 0, deleted: 0, unchanged: 0, kept: 0, refused: 0, failed: 0 };
  return {
    ...{ mirror: 'one', source: 'Thing', scope: {}, ok: true, calls: 1, milliseconds: 1 },
    outside: { seen: 5, invalid: 0, unselected: 0, excluded: 0, labelsLeftOut: 0 },
    clusters: [{ cluster: 'a', namespace: 'n', counts: { ...none, ...counts }, failures: [], blocked: 0 }],
    ...change,
  };
}

/** A run of so many targets, each in the state that is named. */
function runIn(...states: RunTarget['state'][]) {
  const targets = pendingTargets(states.map((_, index) => named(`r-${index}`)));
  const changed = Object.entries(targets).map(([key, target], index) => {
    const state = states[index] ?? 'Pending';
    return [key, { ...target, state, ...(state === 'Failed' ? { message: 'why' } : {}) }] as const;
  });
  return withTargets(runOf(newRun(at, spec)), Object.fromEntries(changed), now);
}

describe('a run', () => {
  test.each([
    [['Pending', 'Pending'], 'Pending', '0/2', 'False Pending 0 of 2 targets have ended.'],
    [['Done', 'Pending'], 'Running', '1/2', 'False Running 1 of 2 targets have ended.'],
    [['Done', 'Running'], 'Running', '1/2', 'False Running 1 of 2 targets have ended.'],
    [['Done', 'Done'], 'Done', '2/2', 'True Done 2 of 2 targets are done.'],
    [['Done', 'Cancelled'], 'Cancelled', '2/2', 'False Cancelled 1 of 2 targets are done.'],
    [['Failed', 'Cancelled'], 'Failed', '2/2', 'False Failed 0 of 2 targets are done. why'],
  ] as const)('with targets that are %j is %s', (states, state, progress, condition) => {
    const { status } = runIn(...states);
    expect(status).toMatchObject({ state, progress });
    const [{ status: value, reason, message } = { status: '', reason: '', message: '' }] = status?.conditions ?? [];
    expect(`${value} ${reason} ${message}`).toBe(condition);
    expect(status?.ended).toBe(hasEnded({ state }) ? '2026-11-22T12:00:00Z' : undefined);
  });

  test('keeps what a newer release or another owner wrote into its status', () => {
    const object = runIn('Pending');
    const foreign = { type: 'Seen', status: 'True', reason: 'By', message: 'me', lastTransitionTime: 'then' } as const;
    const status = { ...object.status, later: 1, conditions: [foreign] };
    expect(withTargets(runOf({ ...object, status }), {}, now).status).toMatchObject({
      ...{ later: 1, conditions: [foreign, { type: 'Complete' }] },
    });
  });

  test('that cannot be read is not guessed at', () => {
    const object = { ...newRun(at, spec), spec: { mode: 'Delete' } };
    expect(() => runOf(object)).toThrow('the SyncRun external/run-1 cannot be read');
    expect(isExpired(object, now)).toBe(false);
  });
});

describe('a pass', () => {
  const [target = expect.fail()] = Object.values(pendingTargets([named('r')]));
  const pass = { id: 'p', began: '2026-11-22T12:00:00Z', versions: {} };
  const running = begun(target, pass, noChanges);
  const done = (report: Report) => ({ id: 'p', mode: 'Apply', report, outcome: outcomeOf(report, still) }) as const;

  test('is done where all was seen and written, and where what is left was refused', () => {
    expect(outcomeOf(reportOf(), still)).toEqual({ state: 'Done', next: 'done' });
    const [cluster = expect.fail()] = reportOf({}, { refused: 1 }).clusters;
    const refused = reportOf({ ok: false, clusters: [{ ...cluster, failures: [{ name: 'a', message: 'Foreign' }] }] });
    expect(outcomeOf(refused, still)).toEqual({ state: 'Done', next: 'done', message: 'Foreign' });
  });

  test('that had no cluster to write into is tried again, and fails in the end', () => {
    const skipped = { cluster: 'a', namespace: 'n', failures: [], blocked: 0, skipped: 'it is down' };
    const report = reportOf({ ok: false, clusters: [skipped] });
    expect(outcomeOf(report, still)).toEqual({ state: 'Running', next: 'retry', message: 'it is down' });
    expect(outcomeOf(report, { ...still, isLast: true })).toMatchObject({ state: 'Failed', next: 'done' });
  });

  test('that was through before it could be ended early is done', () => {
    expect(outcomeOf(reportOf(), { ...still, outOfTime: true })).toMatchObject({ state: 'Done' });
    expect(outcomeOf(reportOf(), { ...still, cancelled: true })).toMatchObject({ state: 'Done' });
  });

  test('that was taken over reports nothing', () => {
    const other = begun(running, { ...pass, id: 'other' }, noChanges);
    expect(reported(other, done(reportOf({}, { created: 5 })), now)).toBe(other);
  });

  test('that reports into a target that was cancelled meanwhile leaves it cancelled, with its counts', () => {
    const cancelled = endedBy(running, { state: 'Cancelled', next: 'done', message: 'enough' }, now);
    expect(reported(cancelled, done(reportOf({}, { created: 5 })), now)).toMatchObject({
      ...{ state: 'Cancelled', message: 'enough', created: 5, ended: '2026-11-22T12:00:00Z' },
    });
  });

  test('adds its counts up over clusters and passes, and cuts a message that is too long', () => {
    const clusters = ['a', 'b'].flatMap(() => reportOf({}, { created: 1, unchanged: 3 }).clusters);
    const again = { ...begun(running, pass, noChanges), created: 2 };
    expect(reported(again, done(reportOf({ clusters })), now)).toMatchObject({ created: 4, unchanged: 4, passes: 2 });
    const incomplete = { reason: 'Unreachable', message: 'x'.repeat(2000) } as const;
    expect(reported(running, done(reportOf({ ok: false, incomplete })), now).message).toHaveLength(512);
  });
});

describe('what a pass that died has done', () => {
  test('is told by the resourceVersions of what is ours, and nothing is told by what is no number', async () => {
    const all = await runWorld(3);
    await all.deliver();
    const objects = all.cluster.objects('things');
    const holding = { cluster: 'memory', namespace: 'external', objects };
    const pass = (version: string, began = '2020-01-01T00:00:00Z') => ({
      ...{ id: 'p', began, versions: { 'memory/external': version } },
    });
    expect(versionsOf([holding])).toEqual({ 'memory/external': objects.at(-1)?.metadata.resourceVersion });
    expect(versionsOf([{ ...holding, objects: [] }])).toEqual({ 'memory/external': '0' });
    expect(changesSince(pass('0'), all.task, [holding])).toEqual({ ...noChanges, created: 3 });
    expect(changesSince(pass('1', '2030-01-01T00:00:00Z'), all.task, [holding])).toEqual({ ...noChanges, updated: 3 });
    expect(changesSince(pass('what'), all.task, [holding])).toEqual(noChanges);
    expect(changesSince({ ...pass('0'), versions: {} }, all.task, [holding])).toEqual(noChanges);
    const foreign = objects.map((object) => ({ ...object, metadata: { ...object.metadata, managedFields: [] } }));
    expect(changesSince(pass('0'), all.task, [{ ...holding, objects: foreign }])).toEqual(noChanges);
  });
});

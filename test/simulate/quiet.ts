import { conditionOf, fieldManager, type KubernetesObject } from '../../lib/object.ts';
import { remember } from '../../lib/scan.ts';
import { hasEnded, runOf } from '../../lib/sync-run.ts';
import { expectCounted } from './bounds.ts';
import type { Installation, Place } from './installation.ts';
import { scanOf } from './judge-removal.ts';
import { isShownAs, type Said, saidBy } from './judge-sight.ts';
import { longestLag, type Shape, shapeOf } from './outside.ts';
import { approve } from './people.ts';
import type { Scene } from './play.ts';
import { turnSeconds } from './thing.ts';
import { brief, hold } from './violation.ts';

/** Longer than any cluster is left out (lib/read-inside.ts). */
const longestPause = 301;

/**
 * What must hold once nothing changes any more: everything ends, one complete pass makes all equal (law 5), what is due
 * goes or is said to be blocked (laws 2 and 3), an approval lets it go, and then nothing is written any more (law 4).
 */
export async function quiet(scene: Scene): Promise<void> {
  const { at, stage } = scene;
  await stage.finish();
  if (at.world.endsInOutage) await outage(scene);
  heal(at);
  await stage.wait(longestLag / 1000 + longestPause);
  await drain(scene);
  if (at.world.listing === 'turns') await turns(scene);
  await look(scene);
  expectEqual(at);
  await stage.wait(at.world.graceSeconds + 1);
  await look(scene);
  expectEqual(at);
  await release(scene);
  await expectSilence(scene);
  for (const place of at.places) for (const region of at.regions) expectCounts(at, place, region);
}

/** A pass over all of the outside, of which the report is held against what was written. */
async function look({ stage }: Scene): Promise<void> {
  expectCounted(await stage.alone({ what: 'sync' }));
}

/** Nobody can look for longer than staleAfter: all objects say so, once. */
async function outage(scene: Scene): Promise<void> {
  const { at, stage } = scene;
  heal(at);
  for (const region of at.regions) at.outside.trouble.set(region, 'throttled');
  // Without a scan nothing tells since when nobody has seen them.
  await stage.wait(longestPause);
  await look(scene);
  await stage.wait(at.mirror.staleAfterSeconds * 2);
  await look(scene);
  for (const place of at.places) {
    for (const object of own(at, place)) {
      const said = saidBy(object);
      hold(
        1,
        ['unseen', 'gone', 'unselected', 'nothing'].includes(said),
        () => `nobody could look for long, and it is ${brief(object)}`,
      );
    }
  }
  const before = versions(at);
  await stage.wait(60);
  await look(scene);
  hold(4, before === versions(at), () => 'objects are written again in an outage that goes on');
}

function heal(at: Installation): void {
  at.outside.trouble.clear();
  for (const { cluster, state } of at.places) {
    Object.assign(state, { down: false, refuses: undefined });
    cluster.namespaceState = 'active';
    cluster.revisions.set('things', 2);
    for (const { metadata } of cluster.objects('things')) {
      if (metadata.deletionTimestamp !== undefined) cluster.drop('things', metadata.name);
    }
  }
  at.look(undefined);
}

/** What is in the queue is worked on until nothing is; then every backfill has ended. */
async function drain({ at, stage }: Scene): Promise<void> {
  for (let round = 0; at.queue.size() > 0; round += 1) {
    hold(5, round < 20, () => `messages stay in the queue for ever: ${at.queue.size()}`);
    at.queue.expire();
    await stage.alone({ what: 'worker' });
  }
  const lost = new Set(at.queue.dead.map(({ body }) => JSON.parse(body).syncRun?.name));
  for (const object of at.places[0]?.cluster.objects('syncruns') ?? []) {
    const { status } = runOf(object);
    const { name } = object.metadata;
    // One whose messages could not all be sent is carried on by whoever began it.
    if (lost.has(name) || !at.sent.has(name)) continue;
    hold(5, hasEnded(status), () => `the SyncRun ${name} is ${status.state}, and no message of it is left`);
  }
}

/** As many passes as all turns take. */
async function turns(scene: Scene): Promise<void> {
  for (let passed = 0; passed < turnSeconds + 1500; passed += 1200) {
    await scene.stage.wait(1200);
    await look(scene);
  }
}

/** The objects of ours in a place, those aside that others are deleting. */
function own(at: Installation, { cluster }: Place, region?: string): KubernetesObject[] {
  return cluster.objects('things').filter(({ metadata, spec }) => {
    const isOurs = metadata.managedFields?.some(({ manager }) => manager === fieldManager) === true;
    const isNamed = at.nameOf(String(spec?.arn)) === metadata.name;
    const mirror = metadata.labels?.['skymirror.dev/mirror'] ?? 'production';
    const isHere = region === undefined || spec?.region === region;
    return isOurs && isNamed && isHere && mirror === 'production' && metadata.deletionTimestamp === undefined;
  });
}

const expected: Readonly<Record<Shape, readonly (Said | 'none')[]>> = {
  present: ['present'],
  invalid: ['invalid', 'none'],
  unselected: ['unselected', 'none'],
  gone: ['gone', 'none'],
};

/** Law 5: every object that is ours equals the outside; what is not there although it should be is somebody else's name. */
function expectEqual(at: Installation): void {
  for (const place of at.places) {
    const objects = place.cluster.objects('things');
    const ours = new Map(own(at, place).map((object) => [object.metadata.name, object]));
    for (const id of at.outside.ids()) {
      const name = at.nameOf(id);
      const row = at.outside.truth(id);
      const object = ours.get(name);
      if (object === undefined && objects.some(({ metadata }) => metadata.name === name)) continue;
      const shape = shapeOf(row);
      const said = object === undefined ? 'none' : saidBy(object);
      hold(
        5,
        expected[shape].includes(said),
        () => `${id} is ${shape} in ${place.cluster.name}, and there is ${brief(object)}`,
      );
      if (row === undefined || object === undefined || said !== 'present') continue;
      const isEqual = isShownAs(object.status?.observed ?? {}, row, 2);
      hold(5, isEqual, () => `${id} is ${JSON.stringify(row)} in ${place.cluster.name}, and there is ${brief(object)}`);
      const { labels = {} } = object.metadata;
      hold(5, labels['skymirror.dev/mirror'] === 'production', () => `${brief(object)} has lost its labels`);
    }
  }
}

/** What has been due and is still there. */
function left(at: Installation, place: Place, region: string): KubernetesObject[] {
  return own(at, place, region).filter((object) => ['gone', 'unselected'].includes(saidBy(object)));
}

/** Law 3: what is due and stays is said to be blocked, and an approval of what is named lets it go. */
async function release(scene: Scene): Promise<void> {
  const { at, judge } = scene;
  for (const place of at.places) {
    for (const region of at.regions) {
      for (let round = 0; ; round += 1) {
        const due = left(at, place, region);
        const scan = scanOf(at, place, region);
        const condition = scan && conditionOf(scan, 'RemovalBlocked');
        const isBlocked = at.mirror.removal === 'Delete' && due.length > 0;
        const words = () =>
          `${due.length} are due in ${place.cluster.name}/${region}, and the scan says ${condition?.message}`;
        hold(3, condition?.status === (isBlocked ? 'True' : 'False'), words);
        if (!isBlocked) break;
        hold(3, condition?.message.startsWith(`Due for removal: ${due.length}.`) === true, words);
        hold(3, round < 4, words);
        scene.tally.met('blocked at the end');
        approve(at, { place, region, word: 'right' }, judge.known);
        const { blocked } = remember(scan);
        hold(3, blocked !== undefined && blocked.members.length > 0, words);
        at.look(undefined);
        await look(scene);
      }
    }
  }
}

const versions = (at: Installation) =>
  JSON.stringify(
    at.places.map(({ cluster }) => cluster.objects('things').map(({ metadata }) => metadata.resourceVersion)),
  );

/** Law 4: no change outside, no write inside. What is sent counts, not what the server makes of it. */
async function expectSilence(scene: Scene): Promise<void> {
  // The figures of the last pass that changed something give way to those of one that does not.
  await look(scene);
  await scene.stage.wait(60);
  for (const what of ['sync', 'narrow']) {
    const again = await scene.stage.alone({ what });
    hold(
      4,
      again.sent.size === 0,
      () => `nothing has changed, and ${what} writes ${[...again.sent.keys()].join(', ')}`,
    );
  }
}

/** The figures of a scan are those of the outside and of the cluster. */
function expectCounts(at: Installation, place: Place, region: string): void {
  const scan = scanOf(at, place, region);
  const rows = at.outside
    .ids()
    .flatMap((id) => at.outside.truth(id) ?? [])
    .filter(({ id }) => id.split(':')[3] === region);
  const status = scan?.status ?? {};
  const shapes = rows.map(shapeOf);
  const excluded = rows.filter((row) => row.excluded).length;
  const held = own(at, place, region);
  // Of names alone it is known that they exist, and of what is not asked for again no more than that.
  const isAsked = at.world.listing !== 'turns';
  const figures: Readonly<Record<string, number | undefined>> = {
    seen: isAsked ? rows.length - excluded : undefined,
    held: held.length,
    kept: isAsked ? left(at, place, region).length : undefined,
    invalid: isAsked ? shapes.filter((shape) => shape === 'invalid').length : undefined,
    unselected: isAsked ? shapes.filter((shape) => shape === 'unselected').length - excluded : undefined,
    created: 0,
    updated: 0,
    marked: 0,
    deleted: 0,
  };
  for (const [key, figure] of Object.entries(figures)) {
    if (figure === undefined) continue;
    hold(
      6,
      status[key] === figure,
      () => `the scan of ${place.cluster.name}/${region} says ${key} ${status[key]}, there are ${figure}`,
    );
  }
  const complete = scan && conditionOf(scan, 'Complete');
  hold(6, complete?.status === 'True', () => `the scan of ${place.cluster.name}/${region}: ${complete?.message}`);
}

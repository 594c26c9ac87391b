import { conditionOf } from '../lib/object.ts';
import {
  approve,
  fail,
  find,
  get,
  graceOver,
  list,
  look,
  objectsPath,
  observed,
  type Stage,
  scanOf,
  scansPath,
  table,
  versions,
  writes,
} from './demo-stage.ts';
import { createInstance, deleteInstance, estate, failOverInstance, resize } from './estate.ts';
import { deny } from './proxy-faults.ts';
import { setStatus } from './proxy-rows.ts';

/** One change outside and its consequence inside. */
export interface Scene {
  readonly title: string;
  play(stage: Stage): Promise<void>;
}

const home = { account: '111122223333', region: 'us-east-1' };
const other = '444455556666';
const mirrored = estate.instances.filter((instance) => instance.mirrored);

/** All databases of a scope but for the members of clusters; another scope than the one that is played with by hand. */
const elsewhere = { account: home.account, region: 'eu-west-1' };
const victims = mirrored.filter(
  (one) => one.account === elsewhere.account && one.region === elsewhere.region && !one.cluster,
);

/** A database with a standby in another zone, so that it can fail over. */
const standby = mirrored.find(({ multiAz, region }) => multiAz && region === 'eu-west-1') ?? fail('a standby');

/** The demo, in its order. */
export const scenes: readonly Scene[] = [
  {
    title: `AWS lists ${estate.instances.length} instances in two accounts and two regions, ${mirrored.length} of them RDS. The cluster knows none. First look:`,
    async play(stage) {
      await look(stage);
      const labelSelector = 'aws.skymirror.dev/region=eu-west-1';
      const command = `kubectl get rdsinstances -n external -l ${labelSelector}`;
      await table(stage, command, objectsPath, { labelSelector, most: 8 });
      const objects = await list(stage, objectsPath);
      stage.promise(`all ${mirrored.length} RDS databases are objects now`, objects.length === mirrored.length);
      const engines = objects.map((object) => observed(object).engine);
      stage.promise(
        'Neptune and DocumentDB, which AWS lists among them, are left out',
        !engines.some((engine) => engine === 'neptune' || engine === 'docdb'),
      );
      stage.promise(
        'all of them are Ready',
        objects.every((object) => conditionOf(object, 'Ready')?.status === 'True'),
      );
    },
  },
  {
    title: 'Ordinary Kubernetes now answers questions about them',
    async play(stage) {
      const labelSelector = 'tags.skymirror.dev/team=finance';
      const fieldSelector = 'status.observed.engine=postgres';
      const command = `kubectl get rdsi -n external -l ${labelSelector} --field-selector ${fieldSelector}`;
      await table(stage, command, objectsPath, { labelSelector, fieldSelector });
      const query = new URLSearchParams({ labelSelector, fieldSelector });
      const found = await list(stage, `${objectsPath}?${query}`);
      const wanted = mirrored.filter(({ engine, tags }) => engine === 'postgres' && tags.team === 'finance');
      stage.promise(
        `team finance has ${wanted.length} PostgreSQL ${wanted.length === 1 ? 'database' : 'databases'}`,
        found.length === wanted.length,
      );
    },
  },
  {
    title: 'Nothing changes outside, so nothing is written inside',
    async play(stage) {
      const before = await writes(stage);
      await look(stage);
      stage.promise("no write to any of them, by the API server's own metrics", (await writes(stage)) === before);
    },
  },
  {
    title: `Outside: "checkout" is created, "orders" is resized, "${standby.identifier}" fails over, "payments" fills its disk`,
    async play(stage) {
      const { aws } = stage.stack;
      const zone = observed(await get(stage, standby.identifier, standby)).availabilityZone;
      const [like] = mirrored;
      await createInstance(aws, {
        ...(like ?? fail('an estate')),
        identifier: 'checkout',
        instanceClass: 'db.m7g.large',
      });
      await resize(aws, { ...home, identifier: 'orders' }, 'db.r6g.2xlarge');
      failOverInstance(aws, standby);
      aws.faults.add(setStatus('payments', 'storage-full', home));
      await look(stage);
      await table(stage, 'kubectl get rdsinstances -n external', objectsPath, {
        only: ['checkout', 'orders', 'payments'],
      });
      const orders = await get(stage, 'orders', home);
      const payments = await get(stage, 'payments', home);
      const moved = observed(await get(stage, standby.identifier, standby)).availabilityZone;
      stage.promise('checkout has appeared', observed(await get(stage, 'checkout', home)).state === 'available');
      stage.promise('orders is a db.r6g.2xlarge', observed(orders).class === 'db.r6g.2xlarge');
      stage.promise(`${standby.identifier} runs in ${String(moved)} now, no longer in ${String(zone)}`, moved !== zone);
      stage.promise('payments is not Ready: StorageFull', conditionOf(payments, 'Ready')?.reason === 'StorageFull');
    },
  },
  {
    title: 'Outside: "checkout" is deleted. Inside, removal takes two steps',
    async play(stage) {
      await deleteInstance(stage.stack.aws, { ...home, identifier: 'checkout' });
      await look(stage);
      await table(stage, 'kubectl get rdsinstances -n external', objectsPath, { only: ['checkout'] });
      const marked = await get(stage, 'checkout', home);
      stage.promise(
        'marked, not deleted: Exists=False, asked for by its id and not found',
        conditionOf(marked, 'Exists')?.reason === 'NotFound',
      );
      await graceOver(stage);
      await look(stage);
      stage.promise(
        'after the grace and a second "not found" the object is gone',
        (await find(stage, 'checkout', home)) === undefined,
      );
    },
  },
  {
    title: `Account ${other} begins to deny access. "Cannot see" is not "gone"`,
    async play(stage) {
      const before = await versions(stage, other);
      const fault = stage.stack.aws.faults.add({ when: { service: 'rds', account: other }, do: deny() });
      await look(stage);
      await table(stage, 'kubectl get mirrorscans -n external', scansPath, {});
      const scans = (await list(stage, scansPath)).filter((scan) => JSON.stringify(scan.spec).includes(other));
      const complete = scans.map((scan) => conditionOf(scan, 'Complete'));
      stage.say(complete[0]?.message ?? '');
      stage.promise(
        'its scans say so: Complete=False, AccessDenied',
        complete.every((condition) => condition?.reason === 'AccessDenied'),
      );
      stage.promise('not one of its objects was touched', before !== '' && (await versions(stage, other)) === before);
      fault.remove();
      await look(stage);
      const healed = (await list(stage, scansPath)).every((scan) => conditionOf(scan, 'Complete')?.status === 'True');
      stage.promise('access is back, and the scans are complete by themselves', healed);
    },
  },
  {
    title: `Somebody deletes ${victims.length} databases at once. A brake asks a person first`,
    async play(stage) {
      for (const victim of victims.toReversed()) await deleteInstance(stage.stack.aws, victim);
      await look(stage);
      await graceOver(stage);
      await look(stage);
      const scan = await scanOf(stage, elsewhere);
      const blocked = conditionOf(scan, 'RemovalBlocked');
      stage.say(blocked?.message ?? '');
      const held = async () =>
        (await Promise.all(victims.map((victim) => find(stage, victim.identifier, victim)))).filter(Boolean).length;
      stage.promise(
        `all ${victims.length} are marked and none is deleted: RemovalBlocked=True`,
        blocked?.status === 'True' && (await held()) === victims.length,
      );
      await approve(stage, scan);
      await look(stage);
      stage.promise(
        `approved: exactly these ${victims.length} go`,
        (await held()) === 0 && (await list(stage, objectsPath)).length === mirrored.length - victims.length,
      );
    },
  },
];

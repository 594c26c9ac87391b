import { conditionOf } from '../lib/object.ts';
import {
  approve,
  clustersPath,
  eventsPath,
  fail,
  find,
  get,
  graceOver,
  list,
  look,
  objectsPath,
  observed,
  queuesPath,
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
const clusters = estate.clusters.filter((cluster) => cluster.mirrored);

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
    title: `AWS holds ${mirrored.length} databases, ${clusters.length} clusters and ${estate.queues.length} queues in two accounts and two regions. Kubernetes knows none. First look:`,
    async play(stage) {
      await look(stage);
      const labelSelector = 'aws.skymirror.dev/region=eu-west-1';
      const command = `kubectl get rdsinstances -n external -l ${labelSelector}`;
      await table(stage, command, objectsPath, { labelSelector, most: 6 });
      await table(stage, 'kubectl get rdsclusters -n external', clustersPath, {});
      await table(stage, 'kubectl get sqsqueues -n external', queuesPath, { most: 6 });
      const objects = await list(stage, objectsPath);
      stage.promise(`all ${mirrored.length} RDS databases are objects now`, objects.length === mirrored.length);
      const engines = objects.map((object) => observed(object).engine);
      stage.promise(
        'Neptune and DocumentDB, which AWS lists among them, are left out',
        !engines.some((engine) => engine === 'neptune' || engine === 'docdb'),
      );
      const others = [await list(stage, clustersPath), await list(stage, queuesPath)];
      stage.promise(
        `so are the ${clusters.length} clusters and the ${estate.queues.length} queues, "a-b" beside "A_b"`,
        others[0]?.length === clusters.length && others[1]?.length === estate.queues.length,
      );
      stage.promise(
        'all of them are Ready',
        [...objects, ...others.flat()].every((object) => conditionOf(object, 'Ready')?.status === 'True'),
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
      const aurora = (await list(stage, `${clustersPath}?fieldSelector=status.observed.state=available`))[0];
      const { writer } = observed(aurora ?? fail('a cluster'));
      const dead = (await list(stage, queuesPath)).find(({ spec }) => spec?.name === 'orders-dead');
      const { deadLetterSources } = observed(dead ?? fail('a dead-letter queue'));
      stage.say(`${String(aurora?.spec?.identifier)} is written by ${String(writer)}`);
      stage.say(`orders-dead takes what fails in ${String(deadLetterSources).replaceAll(/arn:[^,]*:/g, '')}`);
      stage.promise(
        'relations are there from both sides: a cluster and its writer, a queue and its dead-letter queue',
        String(writer).startsWith(String(aurora?.spec?.identifier)) &&
          Array.isArray(deadLetterSources) &&
          deadLetterSources.length === 2,
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
      await table(stage, 'kubectl get events -n external', eventsPath, {});
      const told = (await list(stage, eventsPath)).map(({ reason }) => String(reason));
      stage.promise(
        'Events tell what happened: StateChanged and Failover',
        ['StateChanged', 'Failover'].every((reason) => told.includes(reason)),
      );
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
      const all = (await list(stage, scansPath)).filter((scan) => JSON.stringify(scan.spec).includes(other));
      const scans = all.filter(({ spec }) => String(spec?.source).startsWith('RDS'));
      const complete = scans.map((scan) => conditionOf(scan, 'Complete'));
      stage.say(complete[0]?.message ?? '');
      stage.promise(
        'its scans of RDS say so: Complete=False, AccessDenied',
        complete.length === 4 && complete.every((condition) => condition?.reason === 'AccessDenied'),
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

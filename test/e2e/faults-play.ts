import { awsKinds, awsPlaces, clusterKinds, clusterPlaces } from './faults-kinds.ts';
import type { Changes, Overtaking, PlannedFault, PlannedPass, PlannedRound } from './faults-plan.ts';
import { playRound, type Round } from './faults-round.ts';
import type { FaultsWorld, Stage } from './faults-world.ts';

/** How often something was tried, by what it is called. */
export type Tried = Record<string, number>;

/** Plays planned rounds in one world. */
export interface Player {
  /** What is there outside at the beginning, mirrored by a clean pass. */
  begin(size: number): Promise<void>;
  play(round: PlannedRound): Promise<Round>;
  readonly tried: Tried;
}

/** Milliseconds within which a request of a pass under faults must succeed. */
const deadline = 1000;
/** Resources that change much more often than others. */
const few = 12;

/** Plays in this world; which of the resources change follows from how often something changed before. */
export async function createPlayer(stage: Stage, world: FaultsWorld): Promise<Player> {
  const { chronicle } = world;
  const direct = [await stage.open('first'), await stage.open('second')];
  const tried: Tried = { rounds: 0 };
  const gone: string[] = [];
  /** What has changed in this round. */
  const touched = new Set<string>();
  let next = 0;
  let turn = 0;
  const count = (what: string, times = 1) => {
    tried[what] = (tried[what] ?? 0) + times;
  };
  /** Another of them each time; half of the times one of few, which so changes several times in a round. */
  const pick = (all: readonly string[]) => {
    turn += 7919;
    return all[turn % (turn % 2 === 0 ? all.length : Math.min(all.length, few))];
  };
  const present = () => [...chronicle.present().keys()];

  function change(arn: string | undefined): void {
    if (arn === undefined) return;
    count('changes outside');
    chronicle.change(arn);
    touched.add(arn);
  }

  function remove(arn: string | undefined): void {
    if (arn === undefined || !chronicle.present().has(arn)) return;
    count('changes outside');
    chronicle.remove(arn);
    touched.add(arn);
    gone.push(arn);
  }

  function come(times: number): void {
    for (; times > 0; times -= 1, next += 1) change(world.arn(next));
  }

  function happen(changes: Changes): void {
    come(changes.come);
    for (let times = 0; times < changes.change; times += 1) change(pick(present()));
    for (let times = 0; times < changes.back; times += 1) change(gone.pop());
    for (let times = 0; times < changes.go; times += 1) remove(pick(present()));
  }

  function add({ side, kind, place, after, times, size }: PlannedFault): () => void {
    const bounds = { after, ...(times === undefined ? {} : { times }) };
    const fault = side === 'AWS' ? addToAws() : addToCluster();
    return () => {
      count(`faults: ${kind}`, fault.hits);
      fault.remove();
    };

    function addToAws() {
      const [make, when] = [awsKinds[kind], awsPlaces[place]];
      if (make === undefined || when === undefined) throw new Error(`no fault of AWS: ${kind}, ${place}`);
      return stage.stack.aws.faults.add({ when, do: make(size), ...bounds });
    }

    function addToCluster() {
      const [make, when] = [clusterKinds[kind], clusterPlaces[place]];
      if (make === undefined || when === undefined) throw new Error(`no fault of a cluster: ${kind}, ${place}`);
      return proxyOf(side).faults.add({ when, do: make(size), ...bounds });
    }
  }

  const proxyOf = (side: string) => (side === 'first' ? stage.proxy : stage.secondProxy);

  function overtake({ side, place, after, every }: Overtaking): () => void {
    const wait = async () => {
      for (const [index, arn] of [...touched].entries()) {
        if (index % every === 0) remove(arn);
        else change(arn);
      }
      await world.world.pass({ clusters: direct });
    };
    const when = clusterPlaces[place] ?? {};
    const fault = proxyOf(side).faults.add({ when, after, times: 1, do: { kind: 'wait', wait } });
    return () => {
      count('writes overtaken', fault.hits);
      fault.remove();
    };
  }

  /** Acts when the proxy before the first cluster has seen so many requests; what comes too late for that is left. */
  function whenSeen(requests: number, act: () => void): () => void {
    const wait = async () => act();
    return stage.proxy.faults.add({ when: {}, after: requests, times: 1, do: { kind: 'wait', wait } }).remove;
  }

  async function pass({ ids, limit }: PlannedPass): Promise<void> {
    const clusters = [
      await stage.open('first by the proxy', deadline),
      await stage.open('second by the proxy', deadline),
    ];
    const some = Array.from({ length: ids ?? 0 }, () => pick([...present(), ...gone.slice(-20)]));
    const named = some.filter((arn) => arn !== undefined);
    count(ids === undefined ? 'passes' : 'passes of some ids');
    await world.world.pass({
      clusters,
      signal: AbortSignal.timeout(limit),
      ...(ids === undefined ? {} : { ids: named }),
    });
    await Promise.all(clusters.map((cluster) => cluster.close()));
  }

  async function underFaults(round: PlannedRound): Promise<void> {
    touched.clear();
    happen(round.before);
    const running: Promise<void>[] = [];
    const moments = [
      ...round.during.map(({ at, changes }) => whenSeen(at, () => happen(changes))),
      ...round.passes.slice(1).map((one) => whenSeen(one.at, () => running.push(pass(one)))),
    ];
    const ends = [...round.overtaken.map(overtake), ...round.faults.map(add)];
    const [first] = round.passes;
    if (first !== undefined) running.push(pass(first));
    // A pass may begin while others are waited for.
    for (let index = 0; index < running.length; index += 1) await running[index];
    // What was held or strayed may be written when nobody waits for it any more.
    await Promise.all([stage.proxy.settled(), stage.secondProxy.settled()]);
    for (const end of [...moments, ...ends]) end();
    for (const { calls, faults } of [stage.proxy, stage.secondProxy]) {
      count('requests', calls.all.length);
      calls.clear();
      faults.clear();
    }
    count('requests', stage.stack.aws.requests.all.length);
    stage.stack.aws.requests.clear();
  }

  return {
    tried,
    async begin(size) {
      come(size);
      const report = await world.world.pass({ clusters: direct });
      if (!report.ok) throw new Error(`the first pass, which meets no fault, failed: ${JSON.stringify(report)}`);
    },
    async play(round) {
      count('rounds');
      count('passes without faults');
      return playRound(world, direct, () => underFaults(round));
    },
  };
}

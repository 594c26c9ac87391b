import * as z from 'zod';
import { isAlive } from '../../dev/guardian.ts';
import type { RunningFunction } from '../../dev/lambda-function.ts';
import type { Invoked } from '../../dev/lambda-process.ts';
import { until } from '../../dev/until.ts';
import { nameOf } from '../../lib/resource.ts';
import { rdsInstance } from '../../lib/sources/aws/rds-instance.ts';
import { fleetArn, fleetRule } from './kills-fleet.ts';
import { namespace, region, type Syncing, startGround } from './kills-ground.ts';
import type { Changes, Death, Round } from './kills-plan.ts';
import { mortalServers } from './kills-servers.ts';
import { createStrikes, type Strikes, type Struck } from './kills-strikes.ts';
import { verdictOn } from './kills-verdict.ts';
import { type Chronicle, complaintsAgainst, createChronicle } from './truth.ts';

/** What a round came to. Each list says what is broken, and is empty when all is well. */
export interface Verdict {
  readonly struck: readonly Struck[];
  /** Deaths that were drawn for a step that no pass came to. */
  readonly missed: number;
  /** Writes that arrived after the next pass of somebody else. */
  readonly late: number;
  /** How many passes there were, those that died included. */
  readonly passes: number;
  readonly writes: number;
  readonly broken: Readonly<Record<Breach, readonly string[]>>;
}

/** `unfinished`: the last pass did not end well, or said so; the others as `verdictOn` has them. */
export type Breach = keyof ReturnType<typeof verdictOn> | 'unfinished';

/** Where rounds are played. */
export interface Theatre {
  /** Begins a new world before the next round: other instances, an empty namespace. */
  begin(): Promise<void>;
  play(round: Round): Promise<Verdict>;
  stop(): Promise<void>;
}

const path = `/apis/aws.skymirror.dev/v1alpha1/namespaces/${namespace}/rdsinstances`;
const scansPath = `/apis/skymirror.dev/v1alpha1/namespaces/${namespace}/mirrorscans`;
const list = z.object({ items: z.array(z.unknown()) });
const scans = z.object({
  items: z.array(
    z.object({
      status: z.object({ conditions: z.array(z.object({ type: z.string(), status: z.string() })) }).optional(),
    }),
  ),
});

/** Starts everything that rounds need; a world has at most so many instances, and fewer at first. */
export async function openTheatre(instances: number, progress: (line: string) => void): Promise<Theatre> {
  let chronicle: Chronicle = createChronicle();
  let syncing: Syncing | undefined;
  let deliver = (invoke: () => Promise<Invoked>): Promise<Invoked> => invoke();
  const strikes = createStrikes({ strike, change, sentAway: () => servers.sentAway() });
  const ground = await startGround({
    keep: strikes.keep,
    call: strikes.call,
    deliver: (invoke) => deliver(invoke),
    progress,
  });
  const { aws, kubernetes } = ground;
  const servers = mortalServers(kubernetes);
  const place = { account: aws.home, region };
  const arns = Array.from({ length: instances }, (_, number) => fleetArn(place, number));
  aws.faults.add(
    fleetRule({
      ...place,
      get chronicle() {
        return chronicle;
      },
    }),
  );

  /** Whether there was anybody to kill. */
  async function strike(death: Death): Promise<boolean> {
    if (death.victim === 'sync') return syncing?.kill() ?? false;
    if (death.victim === 'worker' || death.victim === 'event') return kill(ground[death.victim]);
    await servers.strike(death);
    return true;
  }

  function kill(running: RunningFunction): boolean {
    const living = running.pids().filter((pid) => isAlive(pid));
    for (const pid of living) process.kill(pid, 'SIGKILL');
    return living.length > 0;
  }

  function change(changes: Changes): void {
    const present = chronicle.present();
    for (const { number, what } of changes) {
      const arn = arns[number % instances];
      if (arn === undefined) continue;
      if (what === 'change') chronicle.change(arn);
      else if (present.has(arn)) chronicle.remove(arn);
    }
  }

  async function objects(): Promise<readonly unknown[]> {
    return list.parse(await read(path)).items;
  }

  /** An API server that has just come back answers 429 or 500 for a moment. */
  async function read(where: string): Promise<unknown> {
    const answer = async () => {
      const { status, body } = await kubernetes.request(where);
      return status === 200 ? { body } : undefined;
    };
    return (await until(answer, { what: `an answer to GET ${where}` })).body;
  }

  /** All runs of a pass: as many as the runner's deaths make of it, and one more that ends by itself. */
  async function runWithDeaths({ runner, deaths, serverDeath, between, midway }: Round): Promise<number> {
    let runs = 0;
    const changed = [...between, ...midway.changes].flatMap(({ number }) => arns[number % instances] ?? []);
    const named = runner === 'event' ? [...new Set(changed.length > 0 ? changed : arns.slice(0, 1))] : undefined;
    const run = async <Result>(go: () => Promise<Result>): Promise<Result> => {
      const isOver = strikes.struck.some(({ death }) => death === serverDeath);
      const all = [deaths[runs], isOver ? undefined : serverDeath].filter((death) => death !== undefined);
      strikes.begin(all, runs === 0 ? midway : { share: 0, changes: [] }, await expected(runs === 0, named));
      runs += 1;
      const result = await go();
      await strikes.end();
      await servers.up();
      ground.cut();
      await strikes.answered();
      return result;
    };
    if (runner !== 'sync') {
      deliver = run;
      await (named === undefined ? ground.schedule() : ground.tell(named));
      deliver = (invoke) => invoke();
      return runs;
    }
    do
      await run(async () => {
        syncing = ground.sync();
        await syncing.ended;
        syncing = undefined;
      });
    while (runs < deaths.length);
    return runs;
  }

  /** Of a pass over the present difference; what a first run leaves to the second is not known before. */
  async function expected(isFirst: boolean, named?: readonly string[]): Promise<Parameters<Strikes['begin']>[2]> {
    const { lost, stale, wrong, extra } = complaintsAgainst(await objects(), chronicle);
    const own = (those: readonly string[]) => those.filter((arn) => named?.includes(arn) ?? true).length;
    const writes = 2 * own(lost) + own(stale) + own(wrong) + own(extra);
    const steps = 16 + (named?.length ?? 0) + writes;
    return { steps, milliseconds: (isFirst ? 800 : 1200) + 6 * writes };
  }

  /** What the dead wrote changes outside, somebody else looks and writes, and only then what the dead wrote arrives. */
  async function playLate(): Promise<number> {
    const names = strikes.late();
    if (names.length === 0) return 0;
    for (const arn of arns) if (names.includes(objectName(arn))) chronicle.change(arn);
    await ground.sync().ended;
    return strikes.releaseLate();
  }

  async function play(round: Round): Promise<Verdict> {
    const since = chronicle.now();
    const problemsBefore = ground.problems.length;
    const atFirst = await objects();
    const struckBefore = strikes.struck.length;
    strikes.forget();
    change(round.between);
    let passes = await runWithDeaths(round);
    const late = await playLate();
    if (late > 0) passes += 1;
    const written = [...strikes.written];
    strikes.forget();
    const before = await objects();
    const { code, stderr } = await ground.sync().ended;
    const last = [...strikes.written];
    const after = await objects();
    const struck = strikes.struck.slice(struckBefore);
    const drawn = round.deaths.length + (round.serverDeath === undefined ? 0 : 1);
    return {
      struck,
      missed: drawn - struck.length,
      late,
      passes: passes + 1,
      writes: [...written, ...last].filter(({ status }) => status !== 0).length,
      broken: {
        ...verdictOn({ atFirst, before, after, written, last }, chronicle, since),
        unfinished: [
          ...(code === 0 ? [] : [`exit code ${code}: ${stderr}`]),
          ...(await unfinishedScans()),
          ...ground.problems.slice(problemsBefore),
        ],
      },
    };
  }

  async function unfinishedScans(): Promise<string[]> {
    const { items } = scans.parse(await read(scansPath));
    if (items.length !== 1) return [`${items.length} MirrorScans`];
    const conditions = items[0]?.status?.conditions ?? [];
    return ['Complete', 'Applied'].flatMap((type) => {
      const isTrue = conditions.some((one) => one.type === type && one.status === 'True');
      return isTrue ? [] : [`MirrorScan without ${type}`];
    });
  }

  return {
    async begin() {
      chronicle = createChronicle();
      for (const [number, arn] of arns.entries()) if (number % 8 !== 0) chronicle.change(arn);
      for (const where of [path, scansPath]) {
        const { status } = await kubernetes.request(where, { method: 'DELETE' });
        if (status !== 200) throw new Error(`DELETE ${where}: ${status}`);
      }
    },
    play,
    stop: ground.stop,
  };
}

/** The name of the object of an instance. */
function objectName(arn: string): string {
  const [, , , region = '', account = '', , identifier = ''] = arn.split(':');
  return nameOf(rdsInstance, arn, { arn, account, region, identifier });
}

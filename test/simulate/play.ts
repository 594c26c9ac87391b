import type { WholeEngine } from './engine.ts';
import { type Installation, idNamed, installation } from './installation.ts';
import { type Judge, judge } from './judge.ts';
import type { Lags, Row } from './outside.ts';
import { approve, meddle } from './people.ts';
import { quiet } from './quiet.ts';
import { faultsOf, type Schedule, type Step } from './schedule.ts';
import { type Stage, stage } from './stage.ts';
import type { Tally } from './tally.ts';
import { idOf } from './thing.ts';
import { inVirtualTime } from './virtual-time.ts';

/** What all steps of one schedule share. */
export interface Scene {
  readonly at: Installation;
  readonly stage: Stage;
  readonly judge: Judge;
  readonly tally: Tally;
}

const atOnce: Lags = { list: 0, get: 0 };
const mostAtOnce = 4;
const crowdNames = Array.from({ length: 12 }, (_, index) => `n${String(index).padStart(2, '0')}`);

/** Plays a schedule and then lets it be quiet. Throws a Violation; `onLog` is given what happened, a line each. */
export async function play(
  engine: WholeEngine,
  schedule: Schedule,
  options: { readonly tally: Tally; readonly onLog?: (log: readonly string[]) => void },
): Promise<void> {
  const { world, steps } = schedule;
  const { tally } = options;
  const judging = judge(() => at, tally);
  const at = installation(engine, world, { witness: judging.witness, isTraced: options.onLog !== undefined });
  await inVirtualTime(at.time, async () => {
    const scene: Scene = { at, stage: stage(at, judging, tally), judge: judging, tally };
    try {
      await prologue(scene);
      for (const step of steps) await act(scene, step);
      await quiet(scene);
    } finally {
      options.onLog?.(at.log);
      tally.met('schedules');
      tally.met('points of I/O', at.points.opened());
      for (const { met, dead } of at.activities) {
        for (const fault of met) tally.met(`fault: ${fault}`);
        if (dead) tally.met('crashes');
      }
    }
  });
}

/** What is there when the schedule begins, and what has been mirrored of it. */
async function prologue({ at, stage }: Scene): Promise<void> {
  const { world } = at;
  for (const { cluster } of at.places) cluster.revisions.set('things', world.begun === 1 ? 1 : 2);
  const names = ['a', 'b', ...(world.regions === 2 ? ['x'] : []), ...(world.crowd ? crowdNames : [])];
  for (const name of names) at.outside.change(idNamed(name), rowOf(name, 0, `${name}-0`), atOnce);
  if (world.begun !== 0) await stage.alone({ what: 'sync', release: world.begun === 1 ? 1 : 2 });
  await stage.wait(60);
}

function rowOf(name: string, version: number, resourceId: string): Row {
  return { id: idNamed(name), state: 'available', resourceId, version };
}

type Of<Kind extends Step['do']> = Extract<Step, { do: Kind }>;

async function act(scene: Scene, step: Step): Promise<void> {
  const { at, stage, judge: judging } = scene;
  const placeOf = (index: number) => at.places[index % at.places.length];
  const runningAt = (index: number) => stage.running[index % Math.max(1, stage.running.length)];
  const say = (what: string) => at.log.push(`${' '.repeat(15)}** ${what}`);
  switch (step.do) {
    case 'start': {
      if (stage.running.length >= mostAtOnce) return;
      const { what, of, faults, budget, until } = step;
      const release = step.release === 1 ? 1 : 2;
      const trouble = step.trouble === 'none' ? undefined : step.trouble;
      const own = { what, of, release, faults: faultsOf(faults), trouble, budget } as const;
      return stage.advance(stage.begin(own), until);
    }
    case 'go': {
      const who = runningAt(step.who);
      return who === undefined ? undefined : stage.advance(who, step.until);
    }
    case 'crash': {
      const who = runningAt(step.who);
      return who === undefined ? undefined : at.die(who);
    }
    case 'wait':
      say(`${step.seconds} s go by`);
      return stage.wait(step.seconds);
    case 'change':
      return change(scene, step);
    case 'crowd':
      return crowd(scene, step);
    case 'trouble': {
      const region = at.regions[step.region % at.regions.length] ?? 'r';
      say(`the outside in ${region}: ${step.what}`);
      if (step.what === 'none') at.outside.trouble.delete(region);
      else at.outside.trouble.set(region, step.what);
      scene.tally.met(`outside: ${step.what}`);
      return;
    }
    case 'cluster': {
      const place = placeOf(step.cluster);
      if (place === undefined) return;
      say(`${place.cluster.name} is ${step.to}`);
      scene.tally.met(`cluster: ${step.to}`);
      place.state.down = step.to === 'down';
      place.state.refuses = step.to === 'refusing' ? 'a-' : undefined;
      place.cluster.namespaceState = step.to === 'terminating' || step.to === 'missing' ? step.to : 'active';
      if (step.to === 'upgraded') place.cluster.revisions.set('things', 2);
      return;
    }
    case 'person': {
      const place = placeOf(step.cluster);
      if (place === undefined) return;
      say(`somebody in ${place.cluster.name}: ${step.what} ${step.name}`);
      scene.tally.met(`person: ${step.what}`);
      meddle(at, place, step.name, step.what);
      return at.look(undefined);
    }
    case 'approve': {
      const place = placeOf(step.cluster);
      const text = place && approve(at, { place, region: 'r', word: step.word }, judging.known);
      if (text !== undefined) say(`somebody approves ${text} in ${place?.cluster.name}`);
      if (text !== undefined) scene.tally.met('approved');
      return at.look(undefined);
    }
    case 'cancel': {
      const name = at.backfills.at(-1);
      if (name === undefined) return;
      say(`somebody cancels ${name}`);
      at.places[0]?.cluster.tamper('kubectl', 'syncruns', name, (run) => ({
        ...run,
        spec: { ...run.spec, cancelled: true },
      }));
      return at.look(undefined);
    }
  }
}

function change({ at, tally }: Scene, { name, to, value, list, get, events }: Of<'change'>): void {
  const known = at.world.regions === 2 || !['x', 'y'].includes(name) ? name : 'b';
  const id = idNamed(known);
  const before = at.outside.truth(id);
  const { isStamped } = at.world;
  const version = isStamped ? at.order.next() : value;
  const isNew = isStamped && (to === 'replaced' || before === undefined);
  const resourceId = isNew ? `${known}-${version}` : (before?.resourceId ?? `${known}-0`);
  const row = rowOf(known, version, resourceId);
  const rows: Partial<Record<typeof to, Row>> = {
    invalid: { ...row, state: 7 },
    hidden: { ...row, hidden: true },
    excluded: { ...row, excluded: true },
  };
  const after = to === 'gone' ? undefined : (rows[to] ?? row);
  at.outside.change(id, after, { list, get });
  tally.met(`change: ${to}`);
  at.log.push(
    `${' '.repeat(15)}** ${known} is ${to} (v${version}), shown to list after ${list} ms, to get after ${get} ms`,
  );
  const body = JSON.stringify({ source: 'test', 'detail-type': 'Thing Event', resources: [id], detail: {} });
  for (let index = 0; index < events; index += 1) {
    at.events.push({ messageId: `event-${at.order.next()}`, body, receiveCount: 1 });
  }
}

function crowd({ at, tally }: Scene, { from, count, to }: Of<'crowd'>): void {
  if (!at.world.crowd) return;
  const chosen = crowdNames.slice(from, from + count);
  for (const name of chosen)
    at.outside.change(idOf(name), to === 'gone' ? undefined : rowOf(name, 0, `${name}-0`), atOnce);
  tally.met(`change: crowd ${to}`);
  at.log.push(`${' '.repeat(15)}** ${chosen.join(', ')}: ${to}`);
}

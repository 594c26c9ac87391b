import { expect } from 'vitest';
import { conditionOf, type KubernetesObject } from '../lib/object.ts';
import { approvalAnnotation } from '../lib/removal.ts';
import { remember } from '../lib/scan.ts';
import { thing } from './laws/schedule.ts';
import { type Simulation, type SimulationOptions, simulation } from './laws/simulation.ts';
import { idOf } from './memory/memory-source.ts';

/** The names sort as their numbers do. */
export const nameAt = (index: number) => `t${String(index).padStart(3, '0')}`;

/** The id of the thing with that number. */
export const idAt = (index: number) => idOf(nameAt(index));

/** So many things, seen by one pass. */
export async function mirrored(many: number, options: SimulationOptions = {}): Promise<Simulation> {
  const sim = simulation({ pageSize: 100, ...options });
  put(sim, 0, many);
  await sim.pass();
  sim.world.calls.length = 0;
  return sim;
}

/** The things from one number to below another are there. */
export function put(sim: Simulation, from: number, to: number): void {
  for (let index = from; index < to; index += 1) sim.set(thing(nameAt(index), 0));
}

/** They are not there any more. */
export function take(sim: Simulation, from: number, to: number): void {
  for (let index = from; index < to; index += 1) sim.remove(idAt(index));
}

/** Two passes with so many seconds between them: what is gone is marked, then due. */
export async function markAndWait(sim: Simulation, grace: number): Promise<void> {
  await sim.pass();
  sim.wait(grace);
  await sim.pass();
}

/** The scan, which has to be there. */
export function scanOf(sim: Simulation): KubernetesObject {
  return sim.scan() ?? expect.fail('there is no scan');
}

/** How many deletes the books hold. */
export function entered(sim: Simulation): number {
  return remember(sim.scan()).history.reduce((sum, { deleted }) => sum + deleted, 0);
}

/** How many objects there are. */
export function left(sim: Simulation): number {
  return sim.cluster.objects('things').length;
}

/** The status of the scan's condition. */
export function isBlocked(sim: Simulation): string | undefined {
  return conditionOf(scanOf(sim), 'RemovalBlocked')?.status;
}

/** `Exists` of the object of the thing with that number. */
export function existsAt(sim: Simulation, index: number, where = sim.cluster): string | undefined {
  return conditionOf(sim.object(idAt(index), where) ?? expect.fail(`no object for ${index}`), 'Exists')?.status;
}

/** The ids of each direct question so far. */
export function asked(sim: Simulation): (readonly string[])[] {
  return sim.world.calls.filter(({ verb }) => verb === 'get').map(({ ids }) => ids);
}

/** A person releases what the scan names. */
export function approve(sim: Simulation): void {
  const approval = remember(sim.scan()).blocked?.approval ?? expect.fail('nothing is blocked');
  sim.cluster.tamper('kubectl', 'mirrorscans', scanOf(sim).metadata.name, (scan) => ({
    ...scan,
    metadata: { ...scan.metadata, annotations: { [approvalAnnotation]: approval } },
  }));
}

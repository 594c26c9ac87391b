import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { mapConcurrent } from '../lib/concurrent.ts';
import type { crdOf } from '../lib/crd.ts';
import { revisionAnnotation } from '../lib/object.ts';
import { type Administration, openAdministration } from './administration.ts';
import { exitCodes } from './exit-codes.ts';
import { connectionTo, isDown, type Session } from './session.ts';
import type { Surroundings } from './surroundings.ts';

/** A CRD as lib/crd.ts derives it. */
export type Definition = ReturnType<typeof crdOf>;

const clustersAtOnce = 4;
/** Milliseconds until an API server that has taken a CRD is expected to serve it; it takes less than one second. */
const patience = 30_000;

/** Puts the CRDs into every cluster of the configuration; a line for each. Exit code 1 where one is not in place after it. */
export async function installCrds(
  session: Session,
  definitions: readonly Definition[],
  around: Surroundings,
): Promise<number> {
  const names = Object.keys(session.configuration.clusters);
  const outcomes = await mapConcurrent(names, clustersAtOnce, async (name) => {
    try {
      const administration = openAdministration({ ...(await connectionTo(session, name)), name }, around.signal);
      try {
        return await installInto(administration, definitions, around);
      } finally {
        await administration.close();
      }
    } catch (error) {
      around.error(`${name}: ${error instanceof Error ? error.message : String(error)}`);
      return false;
    }
  });
  if (around.signal.aborted) return exitCodes.interrupted;
  return outcomes.every((installed) => installed) ? exitCodes.done : exitCodes.failed;
}

async function installInto(
  administration: Administration,
  definitions: readonly Definition[],
  around: Surroundings,
): Promise<boolean> {
  let complete = true;
  for (const definition of definitions) {
    const { name } = definition.metadata;
    try {
      around.print(`${administration.name}: ${name} ${await installOne(administration, definition, around.signal)}`);
    } catch (error) {
      // Of one that is down, or where Ctrl-C was pressed, the others would say the same.
      if (isDown(error) || around.signal.aborted) throw error;
      around.error(`${administration.name}: ${error instanceof Error ? error.message : String(error)}`);
      complete = false;
    }
  }
  return complete;
}

async function installOne(administration: Administration, definition: Definition, signal: AbortSignal) {
  const { name } = definition.metadata;
  const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${name}`;
  const refused = refusal(definition, await administration.read(path));
  if (refused !== undefined) throw new Error(`${name} left as it is: ${refused}`);
  const outcome = await administration.apply(path, definition);
  await established(administration, path, signal);
  return outcome;
}

/** Why the CRD that is there must not be replaced by this one; `undefined` where it may. */
export function refusal(definition: Definition, there: unknown): string | undefined {
  if (there === undefined) return undefined;
  const { metadata } = crd.parse(there);
  if (metadata.deletionTimestamp !== undefined) {
    return 'it is being deleted, and its objects with it. Run this again when it is gone';
  }
  const given = metadata.annotations?.[revisionAnnotation];
  if (given === undefined) {
    const handOver = `kubectl annotate crd ${metadata.name} ${revisionAnnotation}=0`;
    return `it does not say that skymirror made it (no annotation ${revisionAnnotation}), so it may be somebody else's. Ask whose it is; to let skymirror replace it: ${handOver}`;
  }
  const [ours, theirs] = [Number(definition.metadata.annotations[revisionAnnotation]), Number(given)];
  if (theirs <= ours) return undefined;
  return `its schema revision is ${theirs}, and this skymirror brings ${ours}, which lacks fields that a newer skymirror writes. Use that newer version`;
}

/** What is read of a CRD; one that was just made has `conditions: null`. */
const crd = z.looseObject({
  metadata: z.looseObject({
    name: z.string(),
    deletionTimestamp: z.string().optional(),
    annotations: z.record(z.string(), z.string()).optional(),
  }),
  status: z
    .looseObject({
      conditions: z.array(z.looseObject({ type: z.string(), status: z.string(), message: z.string() })).nullish(),
    })
    .optional(),
});

/** Ends when the API server serves the kind. Throws where it cannot, or does not in time. */
async function established(administration: Administration, path: string, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + patience;
  for (let pause = 50; ; pause = Math.min(2 * pause, 2_000)) {
    const { metadata, status } = crd.parse(await administration.read(path));
    const conditionOf = (wanted: string) => status?.conditions?.find(({ type }) => type === wanted);
    if (conditionOf('Established')?.status === 'True') return;
    const { name } = metadata;
    const names = conditionOf('NamesAccepted');
    if (names?.status === 'False') {
      throw new Error(`${name} is not served: ${names.message}. Another CRD has that name: remove it, or its name`);
    }
    if (performance.now() > deadline) {
      throw new Error(`${name} is not served after ${patience / 1000} s: kubectl describe crd ${name} may say why`);
    }
    await sleep(pause, undefined, { signal });
  }
}

import { expect } from 'vitest';
import type { JsonObject } from '../../lib/json.ts';
import type { KnownFields } from '../../lib/schema.ts';
import type { Observation, Outside } from '../../lib/source.ts';

/** What a question for an id came to. */
export type Answer = Observation | Error | undefined;

/** All that there is, by id; what a listing of bare ids leaves open is asked for. */
export async function everything(outside: Outside, signal: AbortSignal): Promise<Map<string, Answer>> {
  const listed = (await Array.fromAsync(outside.list(signal))).flat();
  const bare = listed.filter(({ outcome }) => outcome === 'listed').map(idIn);
  const answers = await outside.get(bare, signal);
  const all = listed.map((one): [string, Answer] => [idIn(one), one.outcome === 'listed' ? answers.get(one.id) : one]);
  expect(new Set(all.map(([id]) => id)).size, 'ids are unique').toBe(all.length);
  return new Map(all);
}

/** What it throws; `undefined` where it does not. */
export async function thrown(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: unknown) => error,
  );
}

/** What a question came to for one of its ids: thrown, or what is among the answers. */
export async function failureIn(answers: Promise<ReadonlyMap<string, Answer>>, id: string): Promise<unknown> {
  return answers.then(
    (found) => found.get(id),
    (error: unknown) => error,
  );
}

/** Throws for a row that has none. */
export function idIn(observation: Observation): string {
  if (observation.outcome === 'broken') throw new Error(`a broken row: ${observation.issues}`);
  return observation.id;
}

/** Throws for every other answer, and says what it was. */
export function observationIn(answer: Answer): Observation & { outcome: 'observed' } {
  if (!(answer instanceof Error) && answer?.outcome === 'observed') return answer;
  throw new Error(`not observed: ${answer instanceof Error ? answer : JSON.stringify(answer)}`);
}

/** The paths that a schema has and these fields do not. */
export function emptyFields(known: KnownFields, fields: JsonObject, path = ''): string[] {
  return Object.entries(known).flatMap(([key, below]) => {
    const value = fields[key];
    if (value === undefined) return [`${path}${key}`];
    return below === true ? [] : emptyFields(below, Object(value), `${path}${key}.`);
  });
}

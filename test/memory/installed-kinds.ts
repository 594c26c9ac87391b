import { readdirSync, readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { crdOf } from '../../lib/crd.ts';
import { type Kind, kindOf } from './api-kinds.ts';
import { memorySource } from './memory-source.ts';

const crds = new URL('../../deploy/crds/', import.meta.url);
const read = new Map<string, Kind>();

/** The kind with that plural, by its CRD in deploy/crds; of the source in memory, by its declaration. */
export function installedKind(plural: string): Kind | undefined {
  const known = read.get(plural) ?? readKind(plural);
  if (known !== undefined) read.set(plural, known);
  return known;
}

function readKind(plural: string): Kind | undefined {
  const inMemory = memorySource({ world: { rows: new Map(), calls: [] } });
  if (plural === inMemory.plural) return kindOf(crdOf(inMemory));
  const file = readdirSync(crds).find((name) => name.startsWith(`${plural}.`));
  return file === undefined ? undefined : kindOf(parse(readFileSync(new URL(file, crds), 'utf8')));
}

import type { JsonObject } from '../../lib/json.ts';
import { conditionOf, type KubernetesObject } from '../../lib/object.ts';
import { baseLabels, tagLabels } from '../../lib/resource.ts';
import type { Row } from '../memory/memory-source.ts';
import type { Simulation } from './simulation.ts';

/** `True`, `False/NotFound`, ...: a condition in one word, its reason where it is not True. */
export function condition(object: KubernetesObject | undefined, type: string): string | undefined {
  const found = object && conditionOf(object, type);
  return found?.status === 'False' ? `False/${found.reason}` : found?.status;
}

/** How the mirrored object of a present, valid, selected row differs from it; `undefined` where it is equal. */
export function differenceFrom(sim: Simulation, row: Row & { readonly id: string }): string | undefined {
  const object = sim.object(row.id);
  if (object === undefined) return `${row.id} has no object`;
  const { state, resourceId, ...observed } = { ...(object.status?.observed ?? {}) };
  const wished = JSON.stringify({ state: row.state, resourceId: row.resourceId, ...sorted(row.fields ?? {}) });
  const found = JSON.stringify({ state, resourceId, ...sorted(observed) });
  if (wished !== found) return `${row.id} is ${wished}, its object says ${found}`;
  const conditions = `${condition(object, 'Exists')} ${condition(object, 'Synced')}`;
  if (conditions !== 'True True') return `${row.id} exists and is ${conditions}`;
  const labels = {
    ...baseLabels(sim.target),
    ...tagLabels(object.status?.observed as JsonObject, sim.target.mirror.tagLabels).labels,
  };
  const lost = Object.entries(labels).find(([key, value]) => object.metadata.labels?.[key] !== value);
  return lost === undefined ? undefined : `${row.id} lacks the label ${lost[0]}`;
}

const sorted = (fields: object) => Object.fromEntries(Object.entries(fields).toSorted(([a], [b]) => (a < b ? -1 : 1)));

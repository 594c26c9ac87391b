import { fieldManager, type KubernetesObject } from '../../lib/object.ts';
import { approvalAnnotation } from '../../lib/removal.ts';
import { remember } from '../../lib/scan.ts';
import { type Installation, idNamed, namespace, type Place } from './installation.ts';
import { type Removals, scanOf } from './judge-removal.ts';
import type { Step } from './schedule.ts';
import { idOf } from './thing.ts';

type Deed = Extract<Step, { do: 'person' }>['what'];

const audited = {
  type: 'Audited',
  status: 'True',
  reason: 'Yes',
  message: '',
  lastTransitionTime: '2026-01-01T00:00:00Z',
} as const;

/** What people do to an object with kubectl; nothing where there is none to do it to. */
const changes: Partial<Record<Deed, (object: KubernetesObject) => KubernetesObject>> = {
  labels: (object) => ({ ...object, metadata: { ...object.metadata, labels: { mine: 'yes' } } }),
  status: (object) => ({ ...object, status: { ...object.status, observed: { state: 'forged' } } }),
  annotates: (object) => ({ ...object, metadata: { ...object.metadata, annotations: { mine: 'yes' } } }),
  condition: (object) => ({
    ...object,
    status: {
      ...object.status,
      conditions: [...(object.status?.conditions ?? []).filter(({ type }) => type !== 'Audited'), audited],
    },
  }),
  'begins to delete': (object) => ({
    ...object,
    metadata: { ...object.metadata, deletionTimestamp: '2026-01-05T00:00:00Z', finalizers: ['example.com/wait'] },
  }),
  'gives it to another mirror': (object) => ({
    ...object,
    metadata: { ...object.metadata, labels: { ...object.metadata.labels, 'skymirror.dev/mirror': 'other' } },
  }),
};

/** A person does that to the object of that name. */
export function meddle(at: Installation, place: Place, name: string, deed: Deed): void {
  const id = idNamed(name);
  const object = at.nameOf(id);
  const change = changes[deed];
  if (change !== undefined) {
    place.cluster.tamper('kubectl', 'things', object, change);
    return;
  }
  place.cluster.drop('things', object);
  if (deed === 'deletes' || place.cluster.namespaceState !== 'active') return;
  const spec = { ...at.sourceOf(1).identify(id) };
  const made: KubernetesObject = {
    apiVersion: 'test.skymirror.dev/v1alpha1',
    kind: 'Thing',
    metadata: { name: object, namespace },
    spec,
  };
  if (deed === 'makes a foreign one') place.cluster.put('kubectl', 'things', made);
  // Whoever copies an object and its field manager still has not made it stand for the same resource.
  else place.cluster.put(fieldManager, 'things', { ...made, spec: { ...spec, arn: idOf('other') } });
}

/** A person writes an approval into the scan of a region: of the set that waits, of one named before, or anything. */
export function approve(
  at: Installation,
  {
    place,
    region,
    word,
  }: { readonly place: Place; readonly region: string; readonly word: 'right' | 'wrong' | 'earlier' },
  known: Removals,
): string | undefined {
  const scan = scanOf(at, place, region);
  const [earliest] = known.named.keys();
  const text = word === 'wrong' ? '7-x' : word === 'earlier' ? earliest : remember(scan).blocked?.approval;
  if (scan === undefined || text === undefined) return undefined;
  known.approvals.add(text);
  place.cluster.tamper('kubectl', 'mirrorscans', scan.metadata.name, (object) => ({
    ...object,
    metadata: { ...object.metadata, annotations: { ...object.metadata.annotations, [approvalAnnotation]: text } },
  }));
  return text;
}

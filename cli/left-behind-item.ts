import { fieldManager, type KubernetesObject, type ResourceType } from '../lib/object.ts';
import { mirrorLabel, nameOf, ownership } from '../lib/resource.ts';
import { remember, scanName } from '../lib/scan.ts';
import { mirrorScan, scanSpec } from '../lib/scan-schema.ts';
import type { Source } from '../lib/source.ts';

/** Where objects of one mirror, kind and scope lie. */
export interface GroupPlace {
  readonly cluster: string;
  readonly namespace: string;
  readonly kind: string;
  /** Absent where the objects have lost the label that names it. */
  readonly mirror?: string;
  readonly scope: Readonly<Record<string, string>>;
}

/** One object of ours, or the MirrorScan of such objects. */
export interface Item extends GroupPlace {
  readonly type: ResourceType;
  /** Of its contents only what a conditional write needs. */
  readonly object: KubernetesObject;
  /** Finalizers of others, which hold an object that is deleted. */
  readonly finalizers: readonly string[];
  /** When a pass reported last, in milliseconds; only of a MirrorScan. */
  readonly reported?: number;
  /** Seconds of silence after which its mirror does not run; only of a MirrorScan. */
  readonly staleAfterSeconds?: number;
}

/** What `Item` says of an object of this kind, or `undefined` where it is not ours (law 8). */
export function itemOf(cluster: string, source: Source, object: KubernetesObject): Item | undefined {
  const found = source.identityOf(object.spec);
  if (found === undefined || nameOf(source, found.id, found.identity) !== object.metadata.name) return undefined;
  const mirror = object.metadata.labels?.[mirrorLabel];
  // Whose it is of several mirrors is not the question here, so each is asked with its own.
  if (ownership(object, found.identity, { name: mirror ?? '' }) !== 'ours') return undefined;
  const scope = Object.fromEntries(source.scopeKeys.map((key) => [key, found.identity[key] ?? '']));
  const place = { cluster, namespace: object.metadata.namespace ?? '', kind: source.kind, scope };
  return { ...place, ...(mirror === undefined ? {} : { mirror }), type: source, ...bare(object) };
}

/** As `itemOf`, of a MirrorScan: it stands for the objects that it tells of. */
export function scanItemOf(cluster: string, sources: readonly Source[], object: KubernetesObject): Item | undefined {
  const spec = scanSpec.safeParse(object.spec).data;
  const source = sources.find(({ kind }) => kind === spec?.source);
  if (spec === undefined || source === undefined) return undefined;
  const scope = Object.fromEntries(source.scopeKeys.map((key) => [key, spec.scope[key] ?? '']));
  if (scanName({ mirror: { name: spec.mirror }, source, scope }) !== object.metadata.name) return undefined;
  if (object.metadata.managedFields?.some(({ manager }) => manager === fieldManager) !== true) return undefined;
  const { lastStarted, staleAfterSeconds } = remember(object).status;
  return {
    ...{ cluster, namespace: object.metadata.namespace ?? '', kind: source.kind, mirror: spec.mirror, scope },
    ...{ type: mirrorScan, ...bare(object) },
    ...(lastStarted === undefined ? {} : { reported: Date.parse(lastStarted) }),
    ...(staleAfterSeconds === undefined ? {} : { staleAfterSeconds }),
  };
}

function bare({ apiVersion, kind, metadata }: KubernetesObject): Pick<Item, 'object' | 'finalizers'> {
  const { name, namespace, uid, resourceVersion, finalizers } = metadata;
  const names = Array.isArray(finalizers) ? finalizers.map(String) : [];
  const known = Object.entries({ namespace, uid, resourceVersion }).filter(([, value]) => value !== undefined);
  return { object: { apiVersion, kind, metadata: { name, ...Object.fromEntries(known) } }, finalizers: names };
}

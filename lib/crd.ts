import type * as z from 'zod';
import { type ResourceType, revisionAnnotation } from './object.ts';
import { mirrorScan, mirrorScanRevision, scanSpec, scanStatus } from './scan-schema.ts';
import { type SchemaField, type StructuralSchema, schemaFields, structuralSchema } from './schema.ts';
import type { Source } from './source.ts';
import { runSpec, runStatus, syncRun, syncRunRevision } from './sync-run-schema.ts';

/** What a CRD is made of. */
interface CrdParts extends ResourceType {
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly description: string;
  readonly revision: number;
  readonly spec: z.ZodObject;
  /** Fields of `spec` that may change after all, each by its rule, and what to do instead of changing the others. */
  readonly changeable?: { readonly fields: Readonly<Record<string, Rule>>; readonly otherwise: string };
  readonly status: StructuralSchema;
  readonly fields: readonly SchemaField[];
  /** Condition types that have a column, each behind the column named or, where there is none, the last. */
  readonly conditions: readonly { readonly type: string; readonly behind: string }[];
}

interface Rule {
  readonly rule: string;
  readonly message: string;
}

/** The CRD of a source: schema, columns, selectable fields and immutability all follow from its declaration. */
export function crdOf(source: Source) {
  const observed = structuralSchema(source.observed);
  return crd({
    ...source,
    spec: source.identity,
    status: {
      type: 'object',
      description: 'What is known of the resource. Written by skymirror.',
      properties: {
        observed: {
          ...observed,
          description: 'The resource as it was seen last. Fields that do not apply are absent.',
          'x-kubernetes-map-type': 'atomic',
        },
        conditions,
      },
    },
    fields: [...schemaFields(source.observed, '.status.observed'), ...schemaFields(source.identity, '.spec')],
    conditions: [{ type: 'Ready', behind: 'State' }],
  });
}

/** The CRD of the MirrorScan, which tells whether a mirror is alive and whole. */
export function mirrorScanCrd() {
  const status = structuralSchema(scanStatus);
  return crd({
    ...mirrorScan,
    shortNames: ['mscan'],
    categories: ['skymirror'],
    description: 'How the last look at one scope of the outside went: one for each mirror, source and scope.',
    revision: mirrorScanRevision,
    spec: scanSpec,
    status: {
      ...status,
      description: 'What the last pass came to.',
      properties: { ...status.properties, conditions },
    },
    fields: [...schemaFields(scanSpec, '.spec'), ...schemaFields(scanStatus, '.status')],
    conditions: [
      { type: 'Complete', behind: 'Held' },
      { type: 'Applied', behind: 'Held' },
      { type: 'RemovalBlocked', behind: 'Held' },
    ],
  });
}

/** The CRD of the SyncRun, which tells how a backfill stands and lets anybody who may write it cancel it. */
export function syncRunCrd() {
  const status = structuralSchema(runStatus);
  return crd({
    ...syncRun,
    shortNames: ['srun'],
    categories: ['skymirror'],
    description: 'A backfill: what it is about, how far it is, and what it came to.',
    revision: syncRunRevision,
    spec: runSpec,
    changeable: {
      fields: {
        cancelled: { rule: '!oldSelf.cancelled || self.cancelled', message: 'a run that is cancelled stays so' },
      },
      otherwise: 'begin another run',
    },
    status: { ...status, description: 'How it stands.', properties: { ...status.properties, conditions } },
    fields: [...schemaFields(runSpec, '.spec'), ...schemaFields(runStatus, '.status')],
    conditions: [{ type: 'Complete', behind: 'State' }],
  });
}

const maxSelectable = 8;

function crd(parts: CrdParts) {
  const selectable = parts.fields.filter((field) => field.selectable);
  if (selectable.length > maxSelectable) {
    throw new Error(`${parts.kind}: ${selectable.length} selectable fields, the API server takes ${maxSelectable}`);
  }
  const spec = structuralSchema(parts.spec);
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${parts.plural}.${parts.group}`,
      labels: { 'app.kubernetes.io/part-of': 'skymirror' },
      annotations: { [revisionAnnotation]: String(parts.revision) },
    },
    spec: {
      group: parts.group,
      scope: 'Namespaced',
      names: {
        kind: parts.kind,
        listKind: `${parts.kind}List`,
        plural: parts.plural,
        singular: parts.kind.toLowerCase(),
        shortNames: [...parts.shortNames],
        categories: [...parts.categories],
      },
      versions: [
        {
          name: parts.version,
          served: true,
          storage: true,
          subresources: { status: {} },
          ...(selectable.length === 0 ? {} : { selectableFields: selectable.map(({ path }) => ({ jsonPath: path })) }),
          additionalPrinterColumns: columnsOf(parts),
          schema: {
            openAPIV3Schema: {
              type: 'object',
              description: parts.description,
              required: ['spec'],
              properties: {
                apiVersion: { type: 'string' },
                kind: { type: 'string' },
                metadata: { type: 'object' },
                spec: {
                  ...spec,
                  description:
                    parts.changeable === undefined ? 'What it stands for. Set once, never changed.' : 'What it is for.',
                  'x-kubernetes-validations': changeRules(Object.keys(spec.properties ?? {}), parts.changeable),
                },
                status: parts.status,
              },
            },
          },
        },
      ],
    },
  };
}

function changeRules(keys: readonly string[], changeable: CrdParts['changeable']): Rule[] {
  return keys.map(
    (key) =>
      changeable?.fields[key] ?? {
        rule: `!has(oldSelf.${key}) || (has(self.${key}) && self.${key} == oldSelf.${key})`,
        message: `spec.${key} never changes: ${changeable?.otherwise ?? 'it is part of the identity'}`,
      },
  );
}

function columnsOf({ fields, conditions: shown }: CrdParts) {
  const columns = fields.flatMap(({ path, type, format, description, column }) => {
    if (column === undefined) return [];
    const behind = shown.filter((condition) => condition.behind === column.name);
    const date = format === 'date-time';
    return [
      {
        name: column.name,
        type: date ? 'date' : type,
        jsonPath: path,
        ...(description === undefined ? {} : { description }),
        ...(column.wide ? { priority: 1 } : {}),
      },
      ...behind.map(conditionColumn),
    ];
  });
  const rest = shown.filter(({ behind }) => !fields.some(({ column }) => column?.name === behind));
  const age = { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' };
  return [...columns, ...rest.map(conditionColumn), age];
}

function conditionColumn({ type }: CrdParts['conditions'][number]) {
  return {
    name: type,
    type: 'string',
    jsonPath: `.status.conditions[?(@.type=="${type}")].status`,
    description: `Status of the condition ${type}.`,
  };
}

const conditions: StructuralSchema = {
  type: 'array',
  description: 'Judgements on the resource and on the mirror; see docs/reading-objects.md.',
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': ['type'],
  items: {
    type: 'object',
    required: ['type', 'status', 'reason', 'message', 'lastTransitionTime'],
    properties: {
      type: { type: 'string', description: 'What is judged.' },
      status: { type: 'string', enum: ['True', 'False', 'Unknown'], description: 'The judgement.' },
      reason: { type: 'string', description: 'Why, in one CamelCase word.' },
      message: { type: 'string', description: 'Why, in a sentence.' },
      lastTransitionTime: { type: 'string', format: 'date-time', description: 'When status changed last.' },
      observedGeneration: { type: 'integer', format: 'int64', description: 'Generation that was judged.' },
    },
  },
};

import * as z from 'zod';
import { revisionAnnotation } from '../../lib/object.ts';
import type { StructuralSchema } from '../../lib/schema.ts';

/** A kind as its CRD declares it. */
export interface Kind {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly schema: StructuralSchema;
  /** Paths that field selectors may name, without the leading dot. */
  readonly selectable: readonly string[];
  readonly rules: readonly Rule[];
  readonly annotations: Readonly<Record<string, string>>;
}

/** True where a change of `spec` is allowed; the model knows CEL by the forms that lib/crd.ts writes. */
type Rule = (was: Fields, is: Fields) => boolean;

type Fields = Readonly<Record<string, unknown>>;

const definition = z.looseObject({
  metadata: z.looseObject({ annotations: z.record(z.string(), z.string()).optional() }),
  spec: z.looseObject({
    group: z.string(),
    names: z.looseObject({ kind: z.string(), plural: z.string() }),
    versions: z.tuple([
      z.looseObject({
        name: z.string(),
        selectableFields: z.array(z.object({ jsonPath: z.string() })).optional(),
        schema: z.object({ openAPIV3Schema: z.custom<StructuralSchema>() }),
      }),
    ]),
  }),
});

const rules = z.array(z.object({ rule: z.string(), message: z.string() }));

/** Reads a CustomResourceDefinition of one version. Throws on a rule of CEL that the model does not know. */
export function kindOf(crd: unknown): Kind {
  const { metadata, spec } = definition.parse(crd);
  const [version] = spec.versions;
  const schema = version.schema.openAPIV3Schema;
  const written = rules.parse(schema.properties?.spec?.['x-kubernetes-validations'] ?? []);
  return {
    group: spec.group,
    version: version.name,
    plural: spec.names.plural,
    kind: spec.names.kind,
    schema,
    selectable: (version.selectableFields ?? []).map(({ jsonPath }) => jsonPath.slice(1)),
    rules: written.map(({ rule }) => ruleOf(rule)),
    annotations: metadata.annotations ?? {},
  };
}

/** The same kind under a CRD of another schema revision. */
export function ofRevision(kind: Kind, revision: number): Kind {
  return { ...kind, annotations: { ...kind.annotations, [revisionAnnotation]: String(revision) } };
}

function ruleOf(rule: string): Rule {
  const [, constant] = /^!has\(oldSelf\.(\w+)\) \|\| \(has\(self\.\1\) && self\.\1 == oldSelf\.\1\)$/.exec(rule) ?? [];
  if (constant !== undefined) {
    return (was, is) => was[constant] === undefined || JSON.stringify(is[constant]) === JSON.stringify(was[constant]);
  }
  const [, latch] = /^!oldSelf\.(\w+) \|\| self\.\1$/.exec(rule) ?? [];
  if (latch !== undefined) return (was, is) => was[latch] !== true || is[latch] === true;
  throw new Error(`test/memory: the API server in memory does not know this rule of CEL; teach it: ${rule}`);
}

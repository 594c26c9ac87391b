import fc from 'fast-check';
import { crdOf, mirrorScanCrd, syncRunCrd } from '../../lib/crd.ts';
import { rdsInstance } from '../../lib/sources/aws/rds-instance.ts';
import { type Kind, kindOf } from './api-kinds.ts';

/** A change of a body: what comes to stand at a path; `undefined` takes it away. */
export interface Edit {
  readonly at: string;
  readonly value: unknown;
}

/** A kind as sequences use it: a body that is right, and changes that make it another or break it. */
export interface Sample {
  readonly kind: Kind;
  readonly spec: object;
  readonly status: object;
  readonly edits: fc.Arbitrary<Edit>;
}

/** The CRDs that a server needs for the samples. */
export const crds = [crdOf(rdsInstance), mirrorScanCrd(), syncRunCrd()];

const condition = (type: string, change: object = {}) => ({
  ...{ type, status: 'True', reason: 'Found', message: '', lastTransitionTime: '2026-01-05T00:00:00Z' },
  ...change,
});

/** At one place one of several things. */
const at = (path: string, ...values: readonly unknown[]) =>
  fc.record({ at: fc.constant(path), value: fc.constantFrom(...values) });

const conditions = at(
  'status.conditions',
  ...[[condition('Ready', { status: 'False' })], [condition('Ready'), condition('Theirs', { status: 'Unknown' })], []],
  ...[null, undefined, [condition('Ready'), condition('Ready')], [condition('Ready', { type: undefined })]],
  ...[[condition('Ready', { status: 'Maybe' })], [condition('Ready', { lastTransitionTime: 'soon' })], [7]],
  ...[[condition('Ready', { message: null })], [condition('Ready', { zip: 1 })], { Ready: true }],
);

/** Of any kind. */
const envelope = [
  at('metadata.labels', { x: 'y' }, { x: 'z', w: '1' }, {}, null, undefined, { x: 1 }, { 'a b': 'c' }, { x: null }),
  at('metadata.labels.more', 'one', 'two', undefined, 'no value', 'x'.repeat(64)),
  at('metadata.annotations', { 'skymirror.dev/a': 'b' }, {}, undefined, { 'a b': 'c' }, 'text'),
  at('metadata.finalizers', ['skymirror.dev/hold'], ['skymirror.dev/hold', 'x/other'], [], undefined, ['a b']),
  at('metadata.finalizers', ['skymirror.dev/hold'], undefined),
  at('metadata.namespace', undefined, '', 'elsewhere'),
  at('metadata.name', undefined, 'elsewhere', 'Not_A_Name'),
  at('metadata.deletionTimestamp', '2020-01-01T00:00:00Z', undefined, null),
  at('metadata.creationTimestamp', '2020-01-01T00:00:00Z', undefined, null),
  at('metadata.generation', 7, undefined),
  at('metadata.zip', 1, null),
  at('zip', 1, null),
  at('kind', undefined),
  at('apiVersion', 'v1', undefined),
  at('spec', undefined, null, 'text', [], {}),
  at('spec.zip', 1, null),
  at('status', undefined, {}, 'text', null),
  at('status.zip', { zap: 1 }),
];

const parts = {
  RDSInstance: {
    spec: { arn: 'arn:a', account: '1', region: 'r', identifier: 'a' },
    status: { observed: { engine: 'postgres', state: 'available' }, conditions: [condition('Ready')] },
    edits: [
      at('spec.arn', 'arn:b', 'arn:b', 7, null, undefined, ''),
      at('spec.identifier', 'b'),
      at('spec.region', 's', null),
      at('status.observed', { engine: 'mysql', state: 'stopped' }, { engine: 7, state: [] }, {}, null, undefined, []),
      at('status.observed.state', 'stopped', 'starting', 7, null, undefined, {}),
      at('status.observed.zip', 1),
      at('status.observed.endpoint', { address: 'a', port: 5432 }, { port: '5432' }, { port: null }, {}),
      at('status.observed.createdAt', '2026-01-05T00:00:00Z', '2026-01-05T00:00:00', 'soon', 7),
      at('status.observed.pending', { class: 'a' }, { class: null }, {}, { class: 7 }),
      at(
        'status.observed.network',
        { subnets: ['a', 'b'] },
        { subnets: [] },
        { subnets: [null] },
        { subnets: ['a', 7] },
      ),
      at('status.observed.multiAz', true, 'yes'),
      conditions,
    ],
  },
  MirrorScan: {
    spec: { mirror: 'm', source: 'RDSInstance', scope: { account: '1' } },
    status: { seen: 1, held: 1, lastStarted: '2026-01-05T00:00:00Z', conditions: [condition('Complete')] },
    edits: [
      at('spec.mirror', 'n', 'n', null),
      at('spec.scope', { account: '2' }, { account: '1', region: 'r' }, {}, null, { account: 1 }),
      at('status.seen', 2, '2', null, undefined),
      at('status.lastStarted', '2026-01-06T00:00:00.123Z', 'soon'),
      at('status.error', 'why', '', undefined),
      at('status.history', [{ hour: '2026-01-05T00:00:00Z', held: 1, deleted: 0 }], [{ held: 1 }], [], null),
      at(
        'status.blockedRemoval',
        { approval: '1-a', members: [] },
        { approval: '1-a' },
        { members: null },
        {},
        undefined,
      ),
      conditions,
    ],
  },
  SyncRun: {
    spec: { mode: 'Apply', filter: {}, cancelled: false },
    status: { state: 'Pending', progress: '0/1', targets: { a: target('Pending') } },
    edits: [
      at('spec.mode', 'Plan', 'Odd', null, 7),
      at('spec.cancelled', true, false, true, false, null, 'true'),
      at('spec.filter', { mirrors: ['a'] }, { mirrors: ['x'.repeat(257)] }, { name: 'é'.repeat(257) }, null),
      at(
        'spec.filter.mirrors',
        Array.from({ length: 201 }, (_, index) => String(index)),
        ['a', 7],
      ),
      at('status.state', 'Done', 'Odd', null, 7),
      at('status.targets', { a: target('Done') }, { a: target('Odd') }, { a: {} }, { b: target('Done') }, {}, null),
      at('status.targets.a.seen', 1, 2, 'two', undefined),
      at('status.counts', { created: 1 }, { created: 2, updated: 1 }, {}, undefined, { created: '1' }),
      conditions,
    ],
  },
};

function target(state: string) {
  return { state, mirror: 'm', source: 'RDSInstance', scope: { account: '1' } };
}

/** One of each CRD. */
export const samples = crds.map((crd): Sample => {
  const kind = kindOf(crd);
  const { spec, status, edits }: Omit<Sample, 'kind' | 'edits'> & { readonly edits: fc.Arbitrary<Edit>[] } =
    Object(parts)[kind.kind];
  return { kind, spec, status, edits: fc.oneof(...envelope, ...edits, ...edits) };
});

/** A copy of a body in which the edits are made, as far as there is something to make them in. */
export function edited(body: object, edits: readonly Edit[]): unknown {
  const copy = JSON.parse(JSON.stringify(body));
  for (const { at: path, value } of edits) {
    const keys = path.split('.');
    const last = keys.pop() ?? '';
    const place = keys.reduce(
      (inner, key) => (typeof inner === 'object' && inner !== null ? inner[key] : undefined),
      copy,
    );
    if (typeof place !== 'object' || place === null || Array.isArray(place)) continue;
    if (value === undefined) delete place[last];
    else place[last] = structuredClone(value);
  }
  return copy;
}

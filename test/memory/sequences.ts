import fc from 'fast-check';
import { type Edit, type Sample, samples } from './sequence-bodies.ts';

const names = ['a', 'b', 'c'] as const;
const versions = ['right', 'right', 'right', 'right', 'none', 'old', 'foreign', 'future', 'zero', 'no number'] as const;
const uids = ['none', 'right', 'right', 'right', 'foreign', 'made up'] as const;
const managers = ['skymirror', 'skymirror', 'kubectl'] as const;

type Version = (typeof versions)[number];
type Uid = (typeof uids)[number];

/** Of an object or an Event. */
export type Name = (typeof names)[number];

/** A request, as far as it does not depend on what a server said before. */
export type Step =
  | { readonly do: 'create'; readonly name: Name; readonly write: Write }
  | {
      readonly do: 'replace';
      readonly name: Name;
      readonly part: '' | '/status';
      readonly write: Write;
      readonly old: Old;
    }
  | { readonly do: 'patch'; readonly name: Name; readonly labels: object; readonly old: Old }
  | { readonly do: 'remove'; readonly name: Name; readonly old: Old | undefined }
  | { readonly do: 'get'; readonly name: Name | 'missing'; readonly where: Where }
  | { readonly do: 'list'; readonly limit: number | undefined; readonly selector: string; readonly everywhere: boolean }
  | { readonly do: 'next'; readonly limit: number }
  | { readonly do: 'event'; readonly name: Name; readonly edits: readonly Edit[] }
  | {
      readonly do: 'count';
      readonly name: Name;
      readonly count: number;
      readonly edits: readonly Edit[];
      readonly isOld: boolean;
    }
  | { readonly do: 'read event'; readonly name: Name }
  | { readonly do: 'namespace'; readonly how: 'GET' | 'DELETE' | 'POST' }
  | { readonly do: 'definition'; readonly of: string };

/** Whose object a write supposes. */
export interface Old {
  readonly version: Version;
  readonly uid: Uid;
}

/** How a body comes to be. */
export interface Write {
  /** As lib does it: what was read, with changes; else a body of one's own. */
  readonly isOfRead: boolean;
  readonly edits: readonly Edit[];
  readonly manager: string;
  readonly strict: boolean;
  readonly where: Where;
  /** A field that the text has twice. */
  readonly isDouble: boolean;
}

/** `here`: where the sequence is at home. */
export type Where = 'here' | 'missing namespace' | 'missing kind';

/** Requests to one kind, one after the other. */
export interface Sequence {
  readonly kind: string;
  /** What is there from the beginning. */
  readonly begun: readonly Name[];
  readonly steps: readonly Step[];
}

const where = fc.constantFrom<Where[]>(...Array<Where>(30).fill('here'), 'missing namespace', 'missing kind');
const name = fc.constantFrom(...names);
const old = fc.record({ version: fc.constantFrom(...versions), uid: fc.constantFrom(...uids) });

function stepOf({ edits, kind }: Sample): fc.Arbitrary<Step> {
  const write = fc.record({
    isOfRead: fc.boolean(),
    // Most bodies are good ones, so that there is something for the others to fail on.
    edits: fc.oneof(fc.constant([]), fc.array(edits, { maxLength: 3 })),
    manager: fc.constantFrom(...managers),
    strict: fc.constantFrom(true, true, true, false),
    where,
    isDouble: fc.constantFrom(...Array<boolean>(20).fill(false), true),
  });
  const fields = [...kind.selectable.slice(0, 3), 'metadata.name', 'spec.zip'];
  const selector = fc.constantFrom(
    ...[
      '',
      '',
      'labelSelector=x=y',
      'labelSelector=x!=y',
      'labelSelector=x,more',
      'labelSelector=!x',
      'fieldSelector=',
    ],
    ...fields.flatMap((field) => ['', '1', 'a', 'm'].map((value) => `fieldSelector=${field}=${value}`)),
    ...[
      'fieldSelector=metadata.name!=a',
      'fieldSelector=spec',
      'fieldSelector=metadata.name=a,metadata.namespace=here',
    ],
  );
  const limit = fc.constantFrom(1, 1, 2, 2, 3, 0, undefined);
  const everywhere = fc.constantFrom(false, false, false, false, true);
  const event = fc.array(eventEdits, { maxLength: 2 });
  const count = fc.constantFrom(2, 2, 3, 1);
  return fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant('create'), name, write }) },
    { weight: 6, arbitrary: fc.record({ do: fc.constant('replace'), name, part: fc.constant(''), write, old }) },
    { weight: 6, arbitrary: fc.record({ do: fc.constant('replace'), name, part: fc.constant('/status'), write, old }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('patch'), name, labels: labelPatches, old }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('remove'), name, old: fc.option(old, { nil: undefined }) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('get'), name: fc.constantFrom(...names, 'missing'), where }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('list'), limit, selector, everywhere }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('next'), limit: fc.integer({ min: 1, max: 2 }) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('event'), name, edits: event }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('read event'), name }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('count'), name, count, edits: event, isOld: fc.boolean() }) },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constant('namespace'), how: fc.constantFrom('GET', 'GET', 'POST', 'DELETE') }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('definition'), of: fc.constantFrom(kind.plural, 'nothing') }) },
  ) as fc.Arbitrary<Step>;
}

const edit = (at: string, ...values: readonly unknown[]) =>
  fc.record({ at: fc.constant(at), value: fc.constantFrom(...values) });
const labelPatches = fc.constantFrom({ x: 'p' }, { x: null }, { x: 'p', y: 'q' }, { 'a b': 'c' }, { x: 'y' });
const eventEdits = fc.oneof(
  edit('note', 'n'.repeat(1024), 'é'.repeat(513), '', undefined),
  edit('type', 'Warning', 'Odd', undefined),
  edit('reason', '', undefined, 'x'.repeat(129)),
  edit('action', '', 'x'.repeat(129)),
  edit('reportingController', 'a b', ''),
  edit('reportingInstance', '', 'x'.repeat(129)),
  edit('eventTime', 'soon', 7, '2026-01-05T00:00:01.000000Z'),
  edit('regarding.namespace', 'elsewhere', undefined),
);

/** A body as it should be, written as skymirror writes. */
export const plainWrite: Write = {
  isOfRead: false,
  edits: [],
  manager: 'skymirror',
  strict: true,
  where: 'here',
  isDouble: false,
};

/** Sequences of one kind each. */
export const sequences: fc.Arbitrary<Sequence> = fc.oneof(
  ...samples.map((sample) =>
    fc.record({
      kind: fc.constant(sample.kind.kind),
      begun: fc.subarray([...names]),
      steps: fc.array(stepOf(sample), { minLength: 1, maxLength: 24, size: 'max' }),
    }),
  ),
);

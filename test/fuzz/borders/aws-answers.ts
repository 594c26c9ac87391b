import * as fc from 'fast-check';
import { passLines } from '../../../lib/log-lines.ts';
import { mirrorOf } from '../../../lib/mirror.ts';
import { conditionOf, fieldManager, type KubernetesObject } from '../../../lib/object.ts';
import { nameOf } from '../../../lib/resource.ts';
import { inScope, type Source } from '../../../lib/source.ts';
import { sources } from '../../../lib/sources.ts';
import { sync } from '../../../lib/sync.ts';
import { type MemoryCluster, memoryCluster } from '../../memory/memory-cluster.ts';
import type { Finding } from '../attempt.ts';
import { answersOf, type Wrong, wrong } from '../aws-answers.ts';
import { setAwsKeys } from '../aws-keys.ts';
import { scope } from '../aws-valid.ts';
import { answered } from '../aws-wire.ts';
import { defineBorder } from '../border.ts';

const mirror = mirrorOf({ name: 'production', namespace: 'external', tagLabels: ['team', 'constructor'] });
/** Longer than all that is hurried along. */
const limits = { patience: 120_000, readDeadline: 120_000 };

interface Input {
  readonly kind: string;
  /** Left out: the identity at hand is that of the account. */
  readonly role: boolean;
  /** For how many ids by name; two are asked for by a filter. */
  readonly asked: 'all' | 'one' | 'two';
  readonly wrongs: readonly Wrong[];
}

async function pass(
  source: Source,
  { role, wrongs }: Pick<Input, 'role' | 'wrongs'>,
  ids: readonly string[] | undefined,
  cluster: MemoryCluster,
) {
  setAwsKeys();
  const access = role ? { roleArn: `arn:aws:iam::${scope.account}:role/reader`, externalId: 'x1' } : {};
  const bodies: string[] = [];
  const by = answersOf(wrongs, (body) => bodies.push(body));
  const options = { limits, ...(ids === undefined ? {} : { ids }) };
  const report = await answered(by, () => sync({ mirror, source, scope, access }, [cluster], options));
  return { report, bodies };
}

/** What a good pass leaves of each kind, so that there is something that a bad one could take for gone. */
const held = new Map<Source, readonly KubernetesObject[]>();
for (const source of sources) {
  const cluster = memoryCluster();
  await pass(source, { role: false, wrongs: [] }, undefined, cluster);
  held.set(source, cluster.objects(source.plural));
}

const idsOf = (source: Source) => (held.get(source) ?? []).map(({ spec }) => String(spec?.arn));

/** The answers of AWS (RDS and STS in XML, SQS in JSON) through the SDK, the sources and a pass into a cluster. */
export const awsAnswers = defineBorder<Input>({
  name: 'AWS answers',
  arbitrary: fc.record({
    kind: fc.constantFrom(...sources.map(({ kind }) => kind)),
    role: fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, fc.constant(true)),
    asked: fc.constantFrom('all', 'all', 'one', 'two'),
    wrongs: fc.array(wrong, { minLength: 1, maxLength: 3 }),
  }),
  async run(input) {
    const source = sources.find(({ kind }) => kind === input.kind);
    if (source === undefined) throw new Error(`there is no kind ${input.kind}`);
    const cluster = memoryCluster();
    for (const object of held.get(source) ?? []) {
      const { resourceVersion, uid, managedFields, ...metadata } = object.metadata;
      cluster.put(fieldManager, source.plural, { ...object, metadata });
    }
    const before = cluster.writes.length;
    const [known = ''] = idsOf(source);
    const ids = { all: undefined, one: [known], two: [known, `${known}-other`] }[input.asked];
    const { report, bodies } = await pass(source, input, ids, cluster);
    const writes = cluster.writes.slice(before);
    const written = writes.flatMap(({ after }) => after ?? []);
    const failures = report.clusters.flatMap((one) => one.failures.map(({ message }) => message));
    const conditions = written.flatMap(({ status }) => (status?.conditions ?? []).map(({ message }) => message));
    const notFound = bodies.some((body) => /NotFound|DoesNotExist|NonExistent/.test(body));
    return {
      said: [...passLines(report).map(({ message }) => message), ...failures, ...conditions],
      left: [report, written],
      finding:
        written.map((object) => unlawful(source, object, notFound)).find((one) => one !== undefined) ??
        (writes.some(({ verb }) => verb === 'remove')
          ? { kind: 'writes', what: 'a delete within the grace' }
          : undefined),
    };
  },
});

/** What is written fits the schema, lies where the mirror looks, and says "gone" only where AWS said so. */
function unlawful(source: Source, object: KubernetesObject, notFound: boolean): Finding | undefined {
  if (object.kind !== source.kind) return undefined;
  const found = source.identityOf(object.spec);
  const shown = JSON.stringify(object).slice(0, 3_000);
  if (found === undefined || !inScope(found.identity, scope)) return { kind: 'writes', what: `elsewhere: ${shown}` };
  if (nameOf(source, found.id, found.identity) !== object.metadata.name)
    return { kind: 'writes', what: `misnamed: ${shown}` };
  const observed = object.status?.observed;
  if (observed !== undefined && !source.observed.safeParse(observed).success)
    return { kind: 'writes', what: `against the schema: ${shown}` };
  const isGone = conditionOf(object, 'Exists')?.status === 'False';
  return isGone && !notFound ? { kind: 'writes', what: `marked without a word of AWS: ${shown}` } : undefined;
}

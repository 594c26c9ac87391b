import * as fc from 'fast-check';
import { type JsonObject, normaliseObject } from '../../../lib/json.ts';
import { mirrorOf } from '../../../lib/mirror.ts';
import { isLabelName, isLabelValue, objectName, scopeHash, shortHash } from '../../../lib/names.ts';
import { baseLabels, tagLabels, tagPrefix } from '../../../lib/resource.ts';
import { fitsGlob, selectsName, selectsTags } from '../../../lib/selection.ts';
import { policyReach } from '../../../lib/sources/aws/policy.ts';
import { sources } from '../../../lib/sources.ts';
import type { Finding } from '../attempt.ts';
import { defineBorder } from '../border.ts';
import { damaged, damagedJson, damagedText } from '../damage.ts';
import { hostileText } from '../hostile.ts';

interface Input {
  readonly id: string;
  readonly readable: string;
  readonly scope: Readonly<Record<string, string>>;
  readonly tags: unknown;
  readonly chosen: readonly string[];
  readonly glob: string;
  readonly policy: string;
}

const ids = fc.constantFrom(
  'arn:aws:rds:us-east-1:111122223333:db:orders',
  'arn:aws-cn:rds:cn-north-1:111122223333:cluster:orders',
  'arn:aws:sqs:us-east-1:111122223333:orders.fifo',
);

const policies = [
  {
    Statement: [
      {
        Effect: 'Allow',
        Principal: '*',
        Action: 'sqs:*',
        Condition: { ArnLike: { 'aws:SourceArn': 'arn:aws:s3:::b' } },
      },
    ],
  },
  { Statement: { Effect: 'Deny', NotPrincipal: { AWS: ['111122223333', 'AIDAABC'] } } },
  { Statement: [{ Effect: 'Allow', Principal: { Service: 'x', AWS: ['arn:aws:iam::444455556666:root'] } }] },
];

const tagKeys = fc.oneof(
  fc.constantFrom('team', 'app.kubernetes.io/managed-by', '__proto__', 'constructor'),
  hostileText,
);

/** Names, ids, tags and policies of resources: what becomes of them in names, labels and selections. */
export const namesAndTags = defineBorder<Input>({
  name: 'names, tags and policies',
  arbitrary: fc.record({
    id: damagedText(ids),
    readable: hostileText,
    scope: fc.dictionary(fc.constantFrom('account', 'region'), hostileText),
    tags: damaged(
      [{ team: 'payments', env: 'production' }, [{ Key: 'team' }], { __proto__: null, constructor: 'x' }],
      2,
    ),
    chosen: fc.array(tagKeys, { maxLength: 3 }),
    glob: fc.oneof(
      hostileText,
      fc.array(fc.constantFrom('*', '?', 'a', 'aa*')).map((parts) => parts.join('')),
    ),
    policy: damagedJson(policies),
  }),
  run: ({ id, readable, scope, tags, chosen, glob, policy }) => ({
    finding:
      illegalName(id, readable, scope) ??
      illegalLabel(tags, chosen, scope) ??
      oddId(id) ??
      oddReach(policy) ??
      oddChoice(glob, readable, tags),
  }),
});

const rule = (what: string): Finding => ({ kind: 'rules', what });

/** As a row is read: what cannot be is invalid, and no tag of it counts. */
function fieldsOf(tags: unknown): JsonObject {
  try {
    return normaliseObject({ tags }) ?? {};
  } catch {
    return {};
  }
}

/** Legal as the name of an object, as a label value and as a DNS label. */
const legalName = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

function illegalName(id: string, readable: string, scope: Input['scope']): Finding | undefined {
  const name = objectName('RDSInstance', readable, id);
  if (!legalName.test(name)) return rule(`the name ${name}`);
  const hashes = [shortHash(id, readable), scopeHash(scope)];
  return hashes.every((hash) => /^[0-9a-z]{13}$/.test(hash)) ? undefined : rule(`the hashes ${hashes}`);
}

function illegalLabel(tags: unknown, chosen: readonly string[], scope: Input['scope']): Finding | undefined {
  const [source] = sources;
  const fields = fieldsOf(tags);
  const { labels, leftOut } = tagLabels(fields, chosen);
  if (leftOut < 0 || leftOut > chosen.length) return rule(`${leftOut} of ${chosen.length} left out`);
  const forged = Object.entries(labels).find(
    ([key, value]) => !key.startsWith(tagPrefix) || !isLabelName(key.slice(tagPrefix.length)) || !isLabelValue(value),
  );
  if (forged !== undefined) return rule(`the label ${forged}`);
  if (source === undefined) return undefined;
  const base = baseLabels({ mirror: mirrorOf({ name: 'm', namespace: 'n' }), source, scope });
  const odd = Object.entries(base).find(([, value]) => typeof value !== 'string' || !isLabelValue(value));
  return odd === undefined ? undefined : rule(`the label ${odd}`);
}

/** An id that is one names exactly one identity, which names it. */
function oddId(id: string): Finding | undefined {
  for (const source of sources) {
    const identity = source.identify(id);
    if (identity === undefined) continue;
    const back = source.identityOf(identity);
    if (back?.id !== id) return rule(`${id} of ${source.kind} comes back as ${back?.id}`);
    if (!/^\P{Cc}+$/u.test(id)) return rule(`${JSON.stringify(id)} is an id of ${source.kind}`);
  }
  return undefined;
}

function oddReach(policy: string): Finding | undefined {
  const { present, public: isPublic, crossAccount } = policyReach(policy, '111122223333');
  if (present !== (policy !== '')) return rule(`present: ${present}`);
  return isPublic === true && crossAccount === false ? rule('public and to no other account') : undefined;
}

function oddChoice(glob: string, readable: string, tags: unknown): Finding | undefined {
  if (selectsName({ include: [glob], exclude: [glob] }, readable)) return rule('included and excluded by one glob');
  if (fitsGlob(glob, readable) && !fitsGlob(`*${glob}`, readable)) return rule('a star in front keeps it from fitting');
  const fields = fieldsOf(tags);
  return selectsTags({ include: { team: [glob] }, exclude: { team: ['*'] } }, fields)
    ? rule('excluded and chosen')
    : undefined;
}

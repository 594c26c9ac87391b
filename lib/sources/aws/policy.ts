import * as z from 'zod';
import { jsonOf } from './fields.ts';

/** IAM takes a list of one as the one. */
const oneOrMore = z
  .union([z.string(), z.number(), z.boolean(), z.array(z.union([z.string(), z.number(), z.boolean()]))])
  .transform((value) => [value].flat().map(String));

const statement = z.object({
  Effect: z.string(),
  Principal: z
    .union([z.string().transform((principal) => ({ AWS: [principal] })), z.record(z.string(), oneOrMore)])
    .default({}),
  NotPrincipal: z.unknown().optional(),
  Condition: z.record(z.string(), z.record(z.string(), oneOrMore)).default({}),
});

const policyDocument = z.object({
  Statement: z.union([statement.transform((one) => [one]), z.array(statement)]).default([]),
});

/**
 * Whom the policy of a resource in that account lets in. "Public" is S3's definition ("Blocking public access to your Amazon S3 storage",
 * section "The meaning of public"): everybody, unless a condition holds a fixed value, without wildcards or variables,
 * of a key that names who or what is trusted. On the careful side of it: statements that deny are not subtracted,
 * actions are not told apart, and aws:SourceIp does not count, because a range may be the whole internet.
 */
export function policyReach(
  policy: string | undefined,
  account: string,
): { readonly present: boolean; readonly public?: boolean; readonly crossAccount?: boolean } {
  if (policy === undefined || policy === '') return { present: false, public: false, crossAccount: false };
  const parsed = policyDocument.safeParse(jsonOf(policy));
  if (!parsed.success) return { present: true };
  const reaches = parsed.data.Statement.filter(({ Effect }) => Effect !== 'Deny').map((one) => reachOf(one, account));
  return {
    present: true,
    public: reaches.some((reach) => reach.public),
    crossAccount: reaches.some((reach) => reach.crossAccount),
  };
}

/** Global condition keys (IAM user guide) whose values name an account, and those that name a wider circle or a network. */
const accountKeys = [
  'aws:sourceaccount',
  'aws:sourceowner',
  'aws:principalaccount',
  'aws:sourcearn',
  'aws:principalarn',
];
const circleKeys = ['aws:principalorgid', 'aws:principalorgpaths', 'aws:sourceorgid', 'aws:sourceorgpaths'];
const networkKeys = ['aws:sourcevpc', 'aws:sourcevpce'];
const trustKeys = [...accountKeys, ...circleKeys, ...networkKeys];

/** Operators that hold only where the key is there and has one of the values; `...IfExists` and `ForAllValues:` do not. */
const positive = /^(?:ForAnyValue:)?(?:StringEquals(?:IgnoreCase)?|StringLike|ArnEquals|ArnLike)$/;

/** What AWS leaves in a policy of a principal that was deleted; it lets nobody in (IAM user guide, "Principal"). */
const deleted = /^A(?:IDA|ROA)[A-Z0-9]+$/;

function reachOf({ Principal, NotPrincipal, Condition }: z.infer<typeof statement>, account: string) {
  const principals = Object.entries(Principal).flatMap(([type, values]) => values.map((value) => ({ type, value })));
  const everybody = NotPrincipal !== undefined || principals.some(({ value }) => value.includes('*'));
  const stranger = principals.some(
    ({ type, value }) =>
      type !== 'Service' && !value.includes('*') && !deleted.test(value) && accountOf(value) !== account,
  );
  const conditions = Object.entries(Condition)
    .filter(([operator]) => positive.test(operator))
    .flatMap(([, keys]) => Object.entries(keys).map(([key, values]) => ({ key: key.toLowerCase(), values })));
  const narrowing = conditions.filter(
    ({ key, values }) => trustKeys.includes(key) && values.length > 0 && values.every(isFixed),
  );
  const isOurs = narrowing.some(
    ({ key, values }) => accountKeys.includes(key) && values.every((value) => accountOf(value) === account),
  );
  const namesOthers = conditions.some(
    ({ key, values }) =>
      circleKeys.includes(key) ||
      (accountKeys.includes(key) && values.some((value) => ![undefined, account].includes(accountOf(value)))),
  );
  return {
    public: everybody && narrowing.length === 0,
    crossAccount: stranger || (!isOurs && (everybody || namesOthers)),
  };
}

const isFixed = (value: string) => value !== '' && !/[*?]|\$\{/.test(value);

/** The account that an id or ARN names. */
function accountOf(value: string): string | undefined {
  const account = value.startsWith('arn:') ? value.split(':')[4] : value;
  return account !== undefined && /^\d{12}$/.test(account) ? account : undefined;
}

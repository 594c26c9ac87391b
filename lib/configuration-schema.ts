import * as z from 'zod';
import { account, eks, parameterArn, region, secretArn, topicArn } from './configuration-aws.ts';

/** What a configuration file says, with its defaults filled in; durations are seconds. */
export type Configuration = z.output<ReturnType<typeof configurationShape>>;

/** One entry of `mirrors`. */
export type ConfiguredMirror = Configuration['mirrors'][number];

/** Each is compared with each other one. */
export const maxMirrors = 200;

const dnsLabel = z
  .string()
  .regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'is not a DNS label: use a-z, 0-9 and dashes, at most 63');

const chosenName = z
  .string()
  .regex(
    /^[A-Za-z0-9][-A-Za-z0-9_.]{0,62}$/,
    'is not a name: begin with a letter or digit, then also - _ . (at most 63)',
  );

const seconds: ReadonlyMap<string | undefined, number> = new Map([
  ['d', 86_400],
  ['h', 3_600],
  ['m', 60],
  ['s', 1],
]);

/** `1h30m` is 5400. Its shape has been checked. */
function secondsOf(text: string): number {
  const parts = [...text.matchAll(/(\d+)([dhms])/g)];
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * (seconds.get(unit) ?? 0), 0);
}

/** A time as text; `least` and `most` in the same form. */
function duration(least: string, most: string) {
  const inRange = (value: number) => value >= secondsOf(least) && value <= secondsOf(most);
  return z
    .string('needs a number with a unit, such as "90s", "10m", "1h30m" or "2d"')
    .regex(
      /^(?=\d)(\d{1,7}d)?(\d{1,7}h)?(\d{1,7}m)?(\d{1,7}s)?$/,
      'is not a duration: write "90s", "10m", "1h30m" or "2d"',
    )
    .transform(secondsOf)
    .refine(inRange, `is out of range: from ${least} to ${most}`)
    .meta({ title: 'duration' });
}

const someOf = <Item extends z.ZodType>(item: Item) => z.array(item).min(1).meta({ uniqueItems: true });
const notEmpty = (value: object) => Object.keys(value).length > 0;
const someEntries = <Value extends z.ZodType>(key: z.ZodString, value: Value) =>
  z.record(key, value).refine(notEmpty, 'has no entry: add one, or take it out').meta({ minProperties: 1 });

/** AWS names at most 63 characters (RDS) or 80 (SQS), tag values at most 256. */
const glob = z.string().min(1).max(256);
const tagKey = z.string().min(1).max(128);

const tagPatterns = z
  .record(
    z.string(),
    z.union([z.string().max(256), someOf(z.string().max(256))]).transform((value) => [value].flat()),
  )
  .optional();

const cluster = z
  .strictObject({
    kubeconfig: z
      .string()
      .min(1)
      .optional()
      .describe('Path of a kubeconfig, from this file on or from ~. Left out: found as kubectl finds it.'),
    context: z.string().min(1).optional().describe('Context of the kubeconfig. Left out: its current one.'),
    inCluster: z
      .literal(true)
      .optional()
      .describe('The cluster that skymirror itself runs in, by its service account.'),
    eks: eks.optional().describe('An Amazon EKS cluster, entered with AWS credentials: no kubeconfig and no plugin.'),
    secret: secretArn
      .optional()
      .describe('ARN of a Secrets Manager secret that holds a kubeconfig with a token or a client certificate.'),
    parameter: parameterArn.optional().describe('ARN of an SSM parameter (SecureString) that holds such a kubeconfig.'),
  })
  .describe('A cluster to write into: one of kubeconfig, inCluster, eks, secret and parameter.');

const names = z
  .strictObject({
    include: someOf(glob).optional().describe('Mirror only what one of these names fits. Left out: all.'),
    exclude: someOf(glob).optional().describe('Leave out what one of these fits, whatever include says.'),
  })
  .describe('By name. * stands for any characters, ? for one; upper and lower case differ.');

const tags = z
  .strictObject({
    include: tagPatterns.describe('Mirror only what has each of these tags, with one of the values given for it.'),
    exclude: tagPatterns.describe('Leave out what has one of these tags with one of the values given for it.'),
  })
  .describe(
    'By tag: a value or a list of values for each key, with * and ? as in names; "*" fits whatever has the tag.',
  );

const namespaces = z.strictObject({
  byAccount: someEntries(chosenName, dnsLabel).optional().describe('A namespace for each account, by its name.'),
  byTag: z
    .strictObject({
      key: tagKey.describe('Key of the tag.'),
      values: someEntries(z.string().max(256), dnsLabel).describe('A namespace for each value of the tag, as it is.'),
    })
    .optional()
    .describe('A namespace by the value of a tag. Only namespaces that are named here are used, whatever a tag says.'),
  fallback: dnsLabel
    .optional()
    .describe(
      'For accounts, or values of the tag, that are not named. Without it, what has no such tag is not mirrored.',
    ),
});

const removal = z.strictObject({
  policy: z
    .enum(['Delete', 'Retain'])
    .default('Delete')
    .describe('Delete removes the object of what is proven gone; Retain only marks it.'),
  grace: duration('0s', '30d').prefault('10m').describe('From the mark to the delete.'),
  maxPercent: z
    .int()
    .min(0)
    .max(100)
    .default(30)
    .describe(
      'Of the objects of one account and region, how many percent may go within 24 hours before a person is asked. Five always may.',
    ),
});

/** The configuration, strict: a key that is not here is an error. The kinds are those of the sources. */
export function configurationShape(kinds: readonly string[]) {
  const mirror = z
    .strictObject({
      name: dnsLabel.describe('Name of the mirror, which its objects carry as the label skymirror.dev/mirror.'),
      sources: someOf(z.enum(kinds)).describe('Kinds to mirror.'),
      accounts: someOf(z.string()).describe('Accounts to read, by their names above.'),
      regions: someOf(region).describe('AWS regions to read.'),
      select: z
        .strictObject({ names: names.optional(), tags: tags.optional() })
        .optional()
        .describe('What of it is mirrored: what fits both names and tags. Left out: all.'),
      namespace: z
        .union([dnsLabel, namespaces])
        .describe('Namespace of the objects, which has to exist: one for all, or by account or tag.'),
      clusters: someOf(z.string()).optional().describe('Clusters to write into, by their names above. Left out: all.'),
      labels: z
        .array(tagKey)
        .meta({ uniqueItems: true })
        .default([])
        .describe('Keys of tags that are shown as labels, below tags.skymirror.dev/.'),
      removal: removal.prefault({}).describe('What happens to the objects of what is gone.'),
      staleAfter: duration('1m', '30d')
        .prefault('15m')
        .describe('Without a sight for so long, an object no longer counts as current.'),
      every: duration('1m', '1d')
        .refine((value) => value % 60 === 0, 'has to be whole minutes: EventBridge Scheduler has nothing finer')
        .prefault('1m')
        .describe(
          'How often the functions look at the outside. The command line and a CronJob have schedules of their own.',
        ),
      paused: z.boolean().default(false).describe('While true, nothing of this mirror is read or written.'),
    })
    // A staleAfter below a minute has an error of its own.
    .refine(({ every, staleAfter }) => every <= Math.max(staleAfter, 60), {
      message: 'has to be at most staleAfter: objects would count as stale from one look to the next',
      path: ['every'],
    })
    .describe('A mirror: what is shown where.');
  return z.strictObject({
    $schema: z.string().optional().describe('For editors: where the JSON Schema of this file is.'),
    clusters: z
      .record(chosenName, cluster)
      .refine(notEmpty, 'has no entry: add one, or take it out')
      .default({ default: {} })
      .describe('Clusters by a name of your choice. Left out: one, "default", found as kubectl finds it.'),
    accounts: someEntries(chosenName, account).describe('AWS accounts by a name of your choice.'),
    moreRegions: someOf(region)
      .optional()
      .describe('Regions that AWS has added since this release, so that mirrors may name them.'),
    events: z
      .strictObject({
        topics: someOf(topicArn)
          .optional()
          .describe('ARNs of SNS topics of RDS event subscriptions that may send to the event queue.'),
      })
      .prefault({})
      .describe('Events that the functions listen to, beside those of EventBridge.'),
    mirrors: z.array(mirror).min(1).max(maxMirrors).describe('What is mirrored where.'),
  });
}
